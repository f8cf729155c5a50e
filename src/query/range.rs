//! The range that totals are about, and the one before it.

use jiff::Timestamp;
use serde::Serialize;

use super::interval::Interval;
use super::parameters::{Parameters, one_of};
use crate::clock::UnixMicros;
use crate::domain::field_error::FieldFault;

/// A range in whole seconds since 1970; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Range {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// A range, and perhaps the one before it, which is as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ranges {
    pub(super) now: Range,
    /// What it is compared with.
    pub(super) before: Option<Range>,
}

impl Ranges {
    /// Reads `from`, `to`, `timezone` and `compare`.
    pub(super) fn read(reader: &mut Parameters, zone_default: &str, now: UnixMicros) -> Self {
        let zone_name = reader.one("timezone").unwrap_or_else(|| zone_default.to_owned());
        let zone = reader.zone(&zone_name);
        let (from, to) = reader.range(&zone, now);
        let is_compared = match reader.one("compare").as_deref() {
            Some("previous") => true,
            None | Some("none") => false,
            Some(_) => {
                reader.fault("compare", FieldFault::UnknownValue, one_of(["previous", "none"]));
                false
            }
        };
        let range = aligned(from, to);
        Self {
            now: range,
            before: is_compared.then(|| range.before()),
        }
    }

    /// Its end, in seconds since 1970.
    #[must_use]
    pub const fn end_s(&self) -> i64 {
        self.now.to
    }

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(&self) -> i64 {
        self.now.to - self.now.from
    }

    /// Both, where there are two.
    pub(super) fn all(&self) -> Vec<Range> {
        std::iter::once(self.now).chain(self.before).collect()
    }
}

impl Range {
    /// The range of the same length that ends where this one begins.
    pub(super) const fn before(self) -> Self {
        Self {
            from: self.from - (self.to - self.from),
            to: self.from,
        }
    }
}

/// A range, widened to the bounds that a chart of it would have, but to hours at most. So everyone who looks at "the last
/// day" within five minutes asks the same.
fn aligned(from: Timestamp, to: Timestamp) -> Range {
    let length = to.as_second() - from.as_second();
    let step = Interval::auto(length).seconds().min(Interval::Hour.seconds());
    Range {
        from: from.as_second().div_euclid(step) * step,
        to: (to.as_millisecond() + step * 1_000 - 1).div_euclid(step * 1_000) * step,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_aligned_range_holds_the_range_and_little_more(
            from_ms in 1_700_000_000_000_i64..1_800_000_000_000, length_ms in 1_i64..10_000_000_000,
        ) {
            let from = Timestamp::from_millisecond(from_ms).unwrap();
            let to = Timestamp::from_millisecond(from_ms + length_ms).unwrap();
            let range = aligned(from, to);
            prop_assert!(range.from * 1_000 <= from_ms && range.to * 1_000 >= from_ms + length_ms);
            let widened_ms = (range.to - range.from) * 1_000 - length_ms;
            prop_assert!(widened_ms < 2 * 3_600_000);
            prop_assert_eq!((range.from % 60, range.to % 60), (0, 0));
            let before = range.before();
            prop_assert_eq!((before.to, before.to - before.from), (range.from, range.to - range.from));
        }
    }
}
