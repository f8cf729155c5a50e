//! Stored beacons one by one, the newest first.

use std::borrow::Cow;

use jiff::SignedDuration;
use serde::Serialize;

use super::super::cursor::Cursor;
use super::super::parameters::Parameters;
use super::super::period::Period;
use super::super::raw_filters::RawFilters;
use super::super::rows::{Direction, LIMIT_DEFAULT, LIMIT_MAX, List, RowsPage, is_row_id};
use crate::clock::UnixMicros;
use crate::domain::account::Project;
use crate::domain::beacon::Kind;
use crate::domain::field_error::FieldError;
use crate::warehouse::{SelectError, Statement, Warehouse};

/// Range without `from`.
const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(24);

/// What beside period, filters and cursor is asked for; [`EventsRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct EventsParameters {
    /// Kind of the beacons: `event`, `metric`, `funnel` or `alert`.
    #[param(default = "event", pattern = "^(event|metric|funnel|alert)$")]
    kind: Option<String>,
    /// Only events of one of these types.
    #[param(max_items = 50)]
    event_type: Option<Vec<String>>,
}

/// A question for stored beacons.
#[derive(Clone, Debug, Serialize)]
pub struct EventsRequest {
    /// Which kind: `event`, `metric`, `funnel` or `alert`.
    kind: &'static str,
    /// When.
    pub period: Period,
    filters: RawFilters,
    cursor: Option<Cursor>,
    limit: i64,
}

impl EventsRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `kind` | `event` (also without it), `metric`, `funnel` or `alert` |
    /// | `from`, `to`, `timezone` | the last 24 hours unless given |
    /// | `limit` | rows of a page, 1 to 1,000, otherwise 100 |
    /// | `cursor` | where the list goes on, from the answer before |
    /// | others | filters |
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        project: &Project,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let kind = reader.word("kind", Kind::ALL.map(Kind::as_str));
        let kind = kind.unwrap_or(Kind::Event.as_str());
        let (period, _) = reader.period(project.time_zone.as_str(), RANGE_DEFAULT, now);
        let limit = reader.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX);
        let cursor = reader.cursor(is_row_id);
        let filters = reader.raw_filters(kind_named(kind).table(), &[]);
        reader.nothing_else();
        reader.no_faults()?;
        Ok(Self {
            kind,
            period,
            filters,
            cursor,
            limit,
        })
    }

    fn list(&self) -> List<'_> {
        List {
            kinds: vec![(kind_named(self.kind), Period::CONDITION.to_owned())],
            filters: &self.filters,
            direction: Direction::Newest,
            cursor: self.cursor.as_ref(),
            limit: self.limit,
        }
    }

    fn statement(&self, database: &str, project_id: &str) -> Statement {
        self.period.bind(self.list().statement(database, project_id))
    }
}

fn kind_named(name: &str) -> Kind {
    let found = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
    found.unwrap_or(Kind::Event)
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn events(
    warehouse: &Warehouse,
    project_id: &str,
    request: &EventsRequest,
) -> Result<RowsPage, SelectError> {
    let statement = request.statement(&warehouse.database_name()?, project_id);
    let found = warehouse.select(&statement).await?;
    Ok(request.list().page(found))
}
