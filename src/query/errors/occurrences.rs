//! The rows of one group of errors.

use std::borrow::Cow;

use jiff::SignedDuration;
use serde::Serialize;

use super::super::cursor::Cursor;
use super::super::parameters::Parameters;
use super::super::period::Period;
use super::super::raw_filters::RawFilters;
use super::super::rows::{Direction, LIMIT_DEFAULT, LIMIT_MAX, List, RowsPage, is_row_id};
use super::normalise::{SOURCES, fingerprint, normalised};
use crate::clock::UnixMicros;
use crate::domain::account::Project;
use crate::domain::dashboard::Fingerprint;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::warehouse::{Parameter, SelectError, Warehouse};

/// Range without `from`.
const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What beside period and cursor is asked for; [`OccurrencesRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct OccurrencesParameters {
    /// The group.
    #[param(pattern = "^[0-9a-fA-F]{16}$", example = "0123456789abcdef")]
    fingerprint: String,
}

/// A question for the rows of one group of errors.
#[derive(Clone, Debug, Serialize)]
pub struct OccurrencesRequest {
    fingerprint: String,
    /// When.
    pub period: Period,
    cursor: Option<Cursor>,
    limit: i64,
    #[serde(skip)]
    filters: RawFilters,
}

impl OccurrencesRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `fingerprint` | required |
    /// | `from`, `to`, `timezone` | the last 7 days unless given |
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
        let fingerprint = match reader.one("fingerprint") {
            None => {
                reader.fault("fingerprint", FieldFault::Missing, "must name a group of errors");
                String::new()
            }
            Some(sent) => match Fingerprint::parse("fingerprint", &sent) {
                Ok(fingerprint) => fingerprint.as_str().to_owned(),
                Err(fault) => {
                    reader.fault("fingerprint", fault.code, fault.message);
                    String::new()
                }
            },
        };
        let (period, _) = reader.period(project.time_zone.as_str(), RANGE_DEFAULT, now);
        let limit = reader.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX);
        let cursor = reader.cursor(is_row_id);
        reader.nothing_else();
        reader.no_faults()?;
        Ok(Self {
            fingerprint,
            period,
            cursor,
            limit,
            filters: RawFilters::default(),
        })
    }

    fn list(&self) -> List<'_> {
        let of_source = |(kind, condition, message): (_, &str, &str)| {
            let print = fingerprint(&normalised(message));
            let period = Period::CONDITION;
            let condition = format!("{condition} AND {period} AND {print} = {{fingerprint:String}}");
            (kind, condition)
        };
        List {
            kinds: SOURCES.map(of_source).to_vec(),
            filters: &self.filters,
            direction: Direction::Newest,
            cursor: self.cursor.as_ref(),
            limit: self.limit,
        }
    }
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn occurrences(
    warehouse: &Warehouse,
    project_id: &str,
    request: &OccurrencesRequest,
) -> Result<RowsPage, SelectError> {
    let list = request.list();
    let statement = list.statement(&warehouse.database_name()?, project_id);
    let statement = request
        .period
        .bind(statement)
        .with("fingerprint", Parameter::Text(request.fingerprint.clone()));
    let found = warehouse.select(&statement).await?;
    Ok(list.page(found))
}
