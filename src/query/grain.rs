//! How fine a table of metrics is, and which tables cover a range exactly.

use serde::Serialize;

use crate::clock::UnixMicros;
use crate::warehouse::{Parameter, Retention};

const DAY_SECONDS: i64 = 86_400;
const HOUR_SECONDS: i64 = 3_600;
const MINUTE_SECONDS: i64 = 60;

/// Length of a rollup's buckets, from the finest to the coarsest. They begin at multiples of it since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// Raw rows.
    Raw,
    /// Rollups per minute.
    Minute,
    /// Rollups per quarter of an hour.
    Quarter,
    /// Rollups per hour.
    Hour,
    /// Rollups per 6 hours.
    SixHours,
    /// Rollups per day of UTC.
    Day,
    /// Rollups per week, which begins on Thursday, as 1970 did.
    Week,
}

impl Grain {
    /// The coarsest first.
    pub(super) const FROM_COARSE: [Self; 7] = [
        Self::Week,
        Self::Day,
        Self::SixHours,
        Self::Hour,
        Self::Quarter,
        Self::Minute,
        Self::Raw,
    ];

    /// Length of its buckets; bounds are whole seconds, so raw rows have buckets of one.
    pub(super) const fn seconds(self) -> i64 {
        match self {
            Self::Raw => 1,
            Self::Minute => MINUTE_SECONDS,
            Self::Quarter => 15 * MINUTE_SECONDS,
            Self::Hour => HOUR_SECONDS,
            Self::SixHours => 6 * HOUR_SECONDS,
            Self::Day => DAY_SECONDS,
            Self::Week => 7 * DAY_SECONDS,
        }
    }

    /// The same in minutes, which is how rollups tell their grains apart; `None` for raw rows.
    pub(super) const fn minutes(self) -> Option<i64> {
        match self {
            Self::Raw => None,
            _ => Some(self.seconds() / MINUTE_SECONDS),
        }
    }

    /// Days for which its table keeps what it has.
    const fn days(self, retention: &Retention) -> u32 {
        match self {
            Self::Raw => retention.raw_days,
            Self::Minute | Self::Quarter => retention.minute_days,
            Self::Hour | Self::SixHours | Self::Day | Self::Week => retention.hour_days,
        }
    }

    /// Column with a row's time.
    pub(super) const fn time(self) -> &'static str {
        match self {
            Self::Raw => "ts",
            _ => "bucket",
        }
    }

    /// A bound as a value of that column's own type. A `DateTime64` must not be compared with a `DateTime`:
    /// ClickHouse 26.7 then takes the bound for a whole second in its index analysis, and skips granules whose
    /// rows all lie in the last second before it.
    pub(super) fn bound(self, seconds: &str) -> String {
        match self {
            Self::Raw => format!("toDateTime64({seconds}, 3, 'UTC')"),
            _ => format!("toDateTime({seconds}, 'UTC')"),
        }
    }
}

/// What the tables still have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    retention: Retention,
    now_seconds: i64,
}

impl Kept {
    pub(super) const fn new(retention: Retention, now: UnixMicros) -> Self {
        Self {
            retention,
            now_seconds: now.as_millis().div_euclid(1_000),
        }
    }

    /// Time before which a table has nothing any more, in seconds since 1970.
    pub(super) fn from(&self, grain: Grain) -> i64 {
        self.now_seconds - i64::from(grain.days(&self.retention)) * DAY_SECONDS
    }

    /// Of some tables the first that still has everything from a time on; when none has, the one that reaches
    /// back furthest.
    pub(super) fn pick(&self, from: i64, grains: impl IntoIterator<Item = Grain> + Clone) -> Option<Grain> {
        let whole = grains.clone().into_iter().find(|grain| self.from(*grain) <= from);
        whole.or_else(|| grains.into_iter().min_by_key(|grain| self.from(*grain)))
    }
}

/// A part of a range, and the table that answers it. Times are seconds since 1970; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) grain: Grain,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Bounds of pieces, which a statement binds as one array, `cuts`.
#[derive(Debug, Default)]
pub(super) struct Cuts(Vec<i64>);

impl Cuts {
    /// That a row lies in a piece, and is one of its grain.
    pub(super) fn condition(&mut self, piece: Piece) -> String {
        let within = self.within(piece.grain, piece.from, piece.to);
        match piece.grain.minutes() {
            Some(minutes) => format!("grain_minutes = {minutes} AND {within}"),
            None => within,
        }
    }

    /// That a row of a grain begins in a stretch of time.
    pub(super) fn within(&mut self, grain: Grain, from: i64, to: i64) -> String {
        let time = grain.time();
        let from = grain.bound(&self.place(from));
        let to = grain.bound(&self.place(to));
        format!("{time} >= {from} AND {time} < {to}")
    }

    /// The value of `cuts`.
    pub(super) fn into_parameter(self) -> Parameter {
        Parameter::Integers(self.0)
    }

    fn place(&mut self, seconds: i64) -> String {
        let known = self.0.iter().position(|cut| *cut == seconds);
        let place = known.unwrap_or_else(|| {
            self.0.push(seconds);
            self.0.len() - 1
        });
        format!("{{cuts:Array(Int64)}}[{}]", place + 1)
    }
}

/// Covers a range by the coarsest tables: whole days by days, whole hours of what is left by hours, and so on. The
/// pieces do not overlap and leave no gap.
///
/// `grains` are the tables that can answer, the coarsest first; the last one must have bounds wherever the range has.
pub(super) fn cover(from: i64, to: i64, grains: &[Grain]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    put(from, to, grains, &mut pieces);
    pieces
}

fn put(from: i64, to: i64, grains: &[Grain], pieces: &mut Vec<Piece>) {
    let Some((grain, finer)) = grains.split_first() else {
        return;
    };
    if from >= to {
        return;
    }
    let seconds = grain.seconds();
    let first = -((-from).div_euclid(seconds)) * seconds;
    let last = to.div_euclid(seconds) * seconds;
    if first < last {
        pieces.push(Piece {
            grain: *grain,
            from: first,
            to: last,
        });
        put(from, first, finer, pieces);
        put(last, to, finer, pieces);
    } else {
        put(from, to, finer, pieces);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_cover_each_second_of_the_range_once(
            from in 1_700_000_000_i64..1_700_900_000, seconds in 1_i64..4_000_000, without_minutes: bool,
        ) {
            let grains: &[Grain] = if without_minutes {
                &[Grain::Week, Grain::Day, Grain::SixHours, Grain::Hour, Grain::Raw]
            } else {
                &Grain::FROM_COARSE
            };
            let to = from + seconds;
            let mut pieces = cover(from, to, grains);
            pieces.sort_by_key(|piece| piece.from);
            let mut end = from;
            for piece in &pieces {
                prop_assert_eq!(piece.from, end);
                prop_assert!(piece.from < piece.to);
                prop_assert_eq!(piece.from % piece.grain.seconds(), 0);
                prop_assert_eq!(piece.to % piece.grain.seconds(), 0);
                end = piece.to;
            }
            prop_assert_eq!(end, to);
            // What is not answered by a coarse table is less than one of its buckets at each end.
            for grain in grains {
                let finer: i64 = pieces.iter().filter(|piece| piece.grain < *grain).map(|piece| piece.to - piece.from).sum();
                prop_assert!(finer < 2 * grain.seconds());
            }
        }
    }

    #[test]
    fn a_month_of_whole_days_is_weeks_and_days() {
        let day = 86_400;
        assert_eq!(
            cover(0, 30 * day, &Grain::FROM_COARSE),
            [
                Piece {
                    grain: Grain::Week,
                    from: 0,
                    to: 28 * day
                },
                Piece {
                    grain: Grain::Day,
                    from: 28 * day,
                    to: 30 * day
                }
            ]
        );
    }
}
