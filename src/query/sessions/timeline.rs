//! Everything that a session sent, in order.

use std::borrow::Cow;

use jiff::SignedDuration;
use serde::Serialize;

use super::super::cursor::Cursor;
use super::super::parameters::Parameters;
use super::super::period::{DAYS_MAX, Period};
use super::super::raw_filters::RawFilters;
use super::super::rows::{Direction, LIMIT_DEFAULT, LIMIT_MAX, List, RowsPage, is_row_id};
use crate::clock::UnixMicros;
use crate::domain::account::Project;
use crate::domain::beacon::{ID_CHARS_MAX, Kind};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::warehouse::{Parameter, SelectError, Warehouse};

/// What beside period and cursor is asked for; [`TimelineRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct TimelineParameters {
    /// The session.
    session_id: String,
}

/// A question for the rows of a session.
#[derive(Clone, Debug, Serialize)]
pub struct TimelineRequest {
    session_id: String,
    /// When.
    pub period: Period,
    cursor: Option<Cursor>,
    limit: i64,
    #[serde(skip)]
    filters: RawFilters,
}

impl TimelineRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `session_id` | required |
    /// | `from`, `to`, `timezone` | the last 400 days unless given |
    /// | `limit`, `cursor` | as for events |
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        project: &Project,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let session_id = reader.one("session_id").unwrap_or_default();
        if session_id.is_empty() {
            reader.fault("session_id", FieldFault::Missing, "must name a session");
        } else if session_id.chars().count() > ID_CHARS_MAX {
            let message = format!("must not be longer than {ID_CHARS_MAX} characters");
            reader.fault("session_id", FieldFault::TooLong, message);
        }
        let range = SignedDuration::from_hours(24 * DAYS_MAX);
        let (period, _) = reader.period(project.time_zone.as_str(), range, now);
        let limit = reader.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX);
        let cursor = reader.cursor(is_row_id);
        reader.nothing_else();
        reader.no_faults()?;
        Ok(Self {
            session_id,
            period,
            cursor,
            limit,
            filters: RawFilters::default(),
        })
    }

    fn list(&self) -> List<'_> {
        let condition = format!("session_id = {{session:String}} AND {}", Period::CONDITION);
        List {
            kinds: Kind::ALL.map(|kind| (kind, condition.clone())).to_vec(),
            filters: &self.filters,
            direction: Direction::Oldest,
            cursor: self.cursor.as_ref(),
            limit: self.limit,
        }
    }
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn timeline(
    warehouse: &Warehouse,
    project_id: &str,
    request: &TimelineRequest,
) -> Result<RowsPage, SelectError> {
    let list = request.list();
    let statement = list.statement(&warehouse.database_name()?, project_id);
    let statement = request
        .period
        .bind(statement)
        .with("session", Parameter::Text(request.session_id.clone()));
    let found = warehouse.select(&statement).await?;
    Ok(list.page(found))
}
