//! Which rows of which tables cover a range exactly, and how a statement says so.
//!
//! A range is covered as a weight is on a scale: by weeks where whole weeks fit, then by days, six hours, and so on, down to
//! raw rows. All buckets of rollups are one set in one condition, because a select more takes longer to plan than to answer.

use super::grain::Grain;
use super::grid::Grid;
use crate::warehouse::{Parameter, Statement};

/// Most buckets of rollups that a series is put together from; each is named in the statement.
const NAMED_MAX: i64 = 4_096;

/// A part of a range, and the table that answers it. Times are seconds since 1970; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) grain: Grain,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// A bucket of a rollup: of which slice or kind, its length in minutes, and its start in seconds since 1970.
pub(super) type Bucket = (String, i64, i64);

impl Piece {
    /// How many buckets the piece has.
    const fn len(self) -> i64 {
        (self.to - self.from) / self.grain.seconds()
    }

    /// The buckets of the piece, when it is one of rollups.
    pub(super) fn buckets(self, of: &str) -> impl Iterator<Item = Bucket> {
        let Self { grain, from, to } = self;
        let minutes = grain.minutes();
        let starts = (0..).map(move |number| from + number * grain.seconds());
        let starts = starts.take_while(move |start| *start < to);
        starts.filter_map(move |start| Some((of.to_owned(), minutes?, start)))
    }
}

/// What a statement binds to say which rows it reads: bounds, as one array, and sets of buckets.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    seconds: Vec<i64>,
    sets: Vec<Vec<Bucket>>,
}

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

    /// That a row of a rollup is of one of these buckets; `of` is the column that says what the bucket is of. A set is
    /// planned in half the time that as many alternatives take.
    pub(super) fn among(&mut self, of: &str, buckets: Vec<Bucket>) -> String {
        self.sets.push(buckets);
        let number = self.sets.len();
        format!(
            "({of}, grain_minutes, bucket) IN {{buckets_{number}:Array(Tuple(String, UInt16, DateTime('UTC')))}}"
        )
    }

    /// Binds them.
    pub(super) fn bind(self, statement: Statement) -> Statement {
        let statement = statement.with("cuts", Parameter::Integers(self.seconds));
        let sets = (1..).zip(self.sets);
        sets.fold(statement, |statement, (number, buckets)| {
            statement.with(format!("buckets_{number}"), Parameter::Buckets(buckets))
        })
    }

    fn place(&mut self, seconds: i64) -> String {
        let known = self.seconds.iter().position(|cut| *cut == seconds);
        let place = known.unwrap_or_else(|| {
            self.seconds.push(seconds);
            self.seconds.len() - 1
        });
        format!("{{cuts:Array(Int64)}}[{}]", place + 1)
    }
}

/// A piece of one of several periods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Number of the period.
    pub(super) period: i64,
    pub(super) piece: Piece,
}

/// An expression for the number of the period to which a row belongs that lies in one of some parts. The periods do not
/// overlap, and each one's parts come one after the other; rows are all raw, or all of rollups.
pub(super) fn period_of(parts: &[Part], cuts: &mut Cuts) -> String {
    let mut periods: Vec<i64> = parts.iter().map(|part| part.period).collect();
    periods.dedup();
    let mut expression = format!("toInt64({})", periods.pop().unwrap_or_default());
    for period in periods {
        let pieces = parts
            .iter()
            .filter(|part| part.period == period)
            .map(|part| part.piece);
        let grain = pieces
            .clone()
            .map(|piece| piece.grain)
            .min()
            .unwrap_or(Grain::Raw);
        let from = pieces.clone().map(|piece| piece.from).min().unwrap_or_default();
        let to = pieces.map(|piece| piece.to).max().unwrap_or_default();
        let within = cuts.within(grain, from, to);
        expression = format!("if({within}, toInt64({period}), {expression})");
    }
    expression
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

/// Covers each bucket of a series, so that no piece lies in two of them. The last of the `grains` must have bounds wherever
/// the buckets have; it answers alone unless coarser ones within the buckets halve what is read, as they do for days of a zone:
/// 24 hours are three times six hours, and six.
pub(super) fn cover_buckets(grid: &Grid, grains: &[Grain]) -> Vec<Piece> {
    let alone = Piece {
        grain: grains.last().copied().unwrap_or(Grain::Raw),
        from: grid.from(),
        to: grid.to(),
    };
    // No more than these can be worth it, and a grid of minutes has many buckets.
    let buckets = i64::try_from(grid.starts().len()).unwrap_or(i64::MAX);
    if alone.grain == Grain::Raw || buckets > alone.len() / 2 {
        return vec![alone];
    }
    let bounds = grid.bounds().windows(2);
    let pieces: Vec<_> = bounds
        .flat_map(|bounds| cover(bounds[0], bounds[1], grains))
        .collect();
    let named: i64 = pieces.iter().map(|piece| piece.len()).sum();
    if named <= (alone.len() / 2).min(NAMED_MAX) {
        pieces
    } else {
        vec![alone]
    }
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
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::query::interval::Interval;

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

    proptest! {
        #[test]
        fn pieces_of_a_series_lie_in_one_bucket_each_and_cover_all_of_it(
            from in 1_700_000_000_i64..1_720_000_000, days in 1_i64..100,
            zone in prop::sample::select(&["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"][..]),
            interval in prop::sample::select(&[Interval::Hour, Interval::SixHours, Interval::Day][..]),
        ) {
            let zone = TimeZone::get(zone).expect("a zone");
            let at = |seconds| Timestamp::from_second(seconds).expect("a time");
            let grid = Grid::new(at(from), at(from + days * 86_400), interval, &zone);
            let fitting = |grain: &Grain| grid.fits(grain.seconds());
            let finest = Grain::FROM_COARSE.into_iter().find(fitting).expect("raw rows fit");
            let grains: Vec<_> = Grain::FROM_COARSE.into_iter().filter(|grain| *grain >= finest).collect();
            let mut pieces = cover_buckets(&grid, &grains);
            pieces.sort_by_key(|piece| piece.from);
            prop_assert!(pieces.iter().all(|piece| piece.from % piece.grain.seconds() == 0));
            let is_within = |piece: &Piece| grid.start_of(piece.from) == grid.start_of(piece.to - 1);
            prop_assert!(pieces.len() == 1 || pieces.iter().all(is_within));
            prop_assert_eq!(pieces[0].from, grid.from());
            prop_assert_eq!(pieces[pieces.len() - 1].to, grid.to());
            prop_assert!(pieces.windows(2).all(|two| two[0].to == two[1].from));
        }
    }

    #[test]
    fn a_local_day_is_a_few_pieces_and_not_an_hour_each() {
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let at = |seconds| Timestamp::from_second(seconds).expect("a time");
        let month = 1_700_000_000;
        let grid = Grid::new(at(month), at(month + 29 * 86_400), Interval::Day, &zone);
        let pieces = cover_buckets(&grid, &Grain::FROM_WEEKS_TO_HOURS);
        let named: i64 = pieces.iter().map(|piece| piece.len()).sum();
        assert_eq!(named, 9 * i64::try_from(grid.starts().len()).expect("days"));
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
