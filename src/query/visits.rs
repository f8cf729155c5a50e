//! What visitors did in a time and in another one: how many came, and how many got what they came for.

use super::activity::{ActivityRow, Counted, Wanted, of_periods};
use super::overview::CONVERSION_STEP;
use super::range::Range;
use crate::domain::beacon::Kind;
use crate::warehouse::{SelectError, Warehouse};

const HOUR_S: i64 = 3_600;

/// What visitors did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visits {
    /// Beacons of all kinds.
    pub events: u64,
    /// Sessions with any of them.
    pub sessions: u64,
    /// Sessions that reached [`CONVERSION_STEP`].
    pub conversions: u64,
}

/// Asks the warehouse for two ranges, each in seconds since 1970 and widened to whole hours of UTC.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn visits(
    warehouse: &Warehouse,
    project_id: &str,
    ranges: [(i64, i64); 2],
) -> Result<[Visits; 2], SelectError> {
    let question = warehouse.question();
    let converted = Counted::named(Kind::Funnel, CONVERSION_STEP);
    let wanted = || Wanted::with_sessions([Counted::all(), converted.clone()]);
    let [first, second] = ranges.map(|(from, to)| Range {
        from: from.div_euclid(HOUR_S) * HOUR_S,
        to: (to + HOUR_S - 1).div_euclid(HOUR_S) * HOUR_S,
    });
    let periods = [(0, first, wanted()), (1, second, wanted())];
    let statement = of_periods(&question.database_name()?, project_id, &periods);
    let rows = question.select::<ActivityRow>(&statement).await?;
    let found = |counted: &Counted, place| {
        let row = rows.iter().find(|row| row.is(counted, place));
        row.map_or((0, 0), |row| (row.events, row.sessions))
    };
    Ok([0, 1].map(|place| {
        let (events, sessions) = found(&Counted::all(), place);
        Visits {
            events,
            sessions,
            conversions: found(&converted, place).1,
        }
    }))
}
