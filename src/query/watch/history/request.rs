//! At which times of the past a rule is looked at.

use super::super::super::period::DAYS_MAX;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::rule::Watch;
use crate::warehouse::{Parameter, Statement};

/// Most samples of a rule without groups: more than a week of minutes.
pub const SAMPLES_MAX: i64 = 12_000;
/// Most samples of each group.
pub const GROUP_SAMPLES_MAX: i64 = 1_500;
/// Samples, and the buckets that windows are put together from, are so long. Each is a multiple of the one before.
const LENGTHS_S: [i64; 6] = [60, 300, 900, 3_600, 21_600, 86_400];
/// Buckets that a window is put together from, at most twice as many.
const BUCKETS_OF_WINDOW: i64 = 12;
const DAY_S: i64 = 86_400;

/// Counts each `cell_bucket` in every window that it lies in, which ends at `sample`.
pub(super) const IN_EACH_WINDOW: &str = "ARRAY JOIN range(toUInt64(intDiv(cell_bucket + {bucket:Int64} + {step:Int64} - 1, {step:Int64}) * {step:Int64}), \
     toUInt64(cell_bucket + {window:Int64} + 1), toUInt64({step:Int64})) AS sample\n\
     WHERE sample >= {first:Int64} AND sample <= {last:Int64}";

/// When a rule is looked at. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryRequest {
    /// The first sample.
    pub(super) first: i64,
    /// The last sample; before the first one when there is none.
    pub(super) last: i64,
    /// From one sample to the next.
    pub(super) step: i64,
    /// How far each sample looks back.
    pub(super) window: i64,
    /// Length of the buckets that are read: windows and steps are multiples of it.
    pub(super) bucket: i64,
}

impl HistoryRequest {
    /// Samples of a rule between two times, in milliseconds since 1970, as close as the window and the length of the range allow: at least a
    /// minute apart. Where they are further apart than the window is long, what lies between is not seen.
    ///
    /// # Errors
    /// The range is empty or longer than 400 days, or the past of what the rule looks at is not kept.
    pub fn new(watch: &Watch, from_ms: i64, to_ms: i64) -> Result<Self, FieldError> {
        if matches!(watch, Watch::CacheHitRate(_) | Watch::Memory) {
            let message = "has no past to look at: this is known for now only";
            return Err(FieldError::new("watch", FieldFault::UnknownValue, message));
        }
        let (from, to) = (from_ms.div_euclid(1_000), to_ms.div_euclid(1_000));
        let range = to.saturating_sub(from);
        if range <= 0 {
            return Err(FieldError::new(
                "from",
                FieldFault::OutOfRange,
                "must be before `to`",
            ));
        }
        if range > DAYS_MAX * DAY_S {
            let message = format!("must be at most {DAYS_MAX} days before `to`");
            return Err(FieldError::new("from", FieldFault::OutOfRange, message));
        }
        let samples_max = if watch.group_names().is_empty() {
            SAMPLES_MAX
        } else {
            GROUP_SAMPLES_MAX
        };
        let bucket = watch.window_ms().map_or(60, |window_ms| {
            let window = window_ms / 1_000;
            let fits = |length: &&i64| **length * BUCKETS_OF_WINDOW <= window && window % **length == 0;
            LENGTHS_S.iter().rev().find(fits).copied().unwrap_or(60)
        });
        let is_enough = |length: &&i64| **length >= bucket && range / **length < samples_max;
        let step = LENGTHS_S.iter().find(is_enough).copied().unwrap_or(DAY_S);
        // Single values have no window: each is seen once.
        let (window, bucket) = watch
            .window_ms()
            .map_or((step, step), |window_ms| (window_ms / 1_000, bucket));
        Ok(Self {
            first: (from.div_euclid(step) + 1) * step,
            last: to.div_euclid(step) * step,
            step,
            window,
            bucket,
        })
    }

    /// Ends of the windows.
    pub(super) fn samples(&self) -> impl Iterator<Item = i64> + use<> {
        let Self {
            first, last, step, ..
        } = *self;
        (0..)
            .map(move |number| first + number * step)
            .take_while(move |sample| *sample <= last)
    }

    /// Where the first window begins.
    pub(super) const fn read_from(&self) -> i64 {
        self.first - self.window
    }

    /// What a statement about buckets counts them into: each of them in every window that it lies in.
    pub(super) fn bind(&self, statement: Statement) -> Statement {
        statement
            .with("bucket", Parameter::Integer(self.bucket))
            .with("step", Parameter::Integer(self.step))
            .with("window", Parameter::Integer(self.window))
            .with("first", Parameter::Integer(self.first))
            .with("last", Parameter::Integer(self.last))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOON_MS: i64 = 1_784_116_800_000;
    const HOUR_MS: i64 = 3_600_000;

    fn request(minutes: i64, hours: i64, group_by: &[&str]) -> HistoryRequest {
        let watch = json!({ "kind": "metric", "window_ms": minutes * 60_000, "group_by": group_by });
        let watch = serde_json::from_value(watch).unwrap();
        HistoryRequest::new(&watch, NOON_MS - hours * HOUR_MS, NOON_MS).unwrap()
    }

    #[test]
    fn samples_are_as_close_as_the_window_and_the_range_allow() {
        let lengths = |request: HistoryRequest| (request.bucket, request.step);
        assert_eq!(lengths(request(5, 7 * 24, &[])), (60, 60));
        assert_eq!(lengths(request(5, 30 * 24, &[])), (60, 300));
        assert_eq!(lengths(request(5, 7 * 24, &["page"])), (60, 900));
        assert_eq!(lengths(request(60, 24, &[])), (300, 300));
        assert_eq!(lengths(request(1_440, 24, &[])), (3_600, 3_600));
        // Windows of odd lengths are put together from minutes.
        assert_eq!(lengths(request(61, 24, &[])), (60, 60));
        assert_eq!(lengths(request(5, 300 * 24, &["page"])), (60, 21_600));
        for request in [request(5, 400 * 24, &[]), request(1, 7 * 24, &["page"])] {
            let samples: Vec<i64> = request.samples().collect();
            assert!(samples.len() as i64 <= SAMPLES_MAX);
            assert_eq!(samples.last(), Some(&(NOON_MS / 1_000)));
            assert!(request.step % request.bucket == 0 && request.window % request.bucket == 0);
        }
    }

    #[test]
    fn a_range_must_have_a_length_and_the_watch_a_past() {
        let metric = serde_json::from_value(json!({ "kind": "metric" })).unwrap();
        for hours in [0, -1, 401 * 24] {
            let refused = HistoryRequest::new(&metric, NOON_MS - hours * HOUR_MS, NOON_MS);
            assert_eq!(refused.unwrap_err().field, "from", "{hours}");
        }
        let refused = HistoryRequest::new(&Watch::Memory, NOON_MS - HOUR_MS, NOON_MS);
        assert_eq!(refused.unwrap_err().field, "watch");
    }
}
