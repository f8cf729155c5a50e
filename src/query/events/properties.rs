//! What events carried: which properties there are, and the values of one.

use std::borrow::Cow;

use clickhouse::Row;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::super::estimate::Estimate;
use super::super::iso::as_iso_or_null;
use super::super::parameters::Parameters;
use super::super::period::Period;
use super::super::raw_filters::{Property, RawFilters};
use crate::clock::UnixMicros;
use crate::domain::account::Project;
use crate::domain::field_error::FieldError;
use crate::domain::table::Table;
use crate::warehouse::{Parameter, Retention, SelectError, Statement, Warehouse};

/// Range without `from`.
const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Values without `groups_max`, and the most.
const VALUES_DEFAULT: i64 = 20;
const VALUES_MAX: i64 = 1_000;
/// Most keys that are listed.
const KEYS_MAX: i64 = 200;
/// Events whose keys are looked at; beyond that a sample of about as many.
const KEY_ROWS_MAX: u64 = 200_000;
/// Values that are counted in memory; the rest goes on in files.
const SPILL_BYTES: u64 = 150_000_000;

/// What beside period and filters is asked for; [`PropertiesRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct PropertiesParameters {
    /// The property whose values are wanted; without it, the list of keys.
    #[param(example = "metadata.plan")]
    property: Option<String>,
    /// How many values are shown; the rest is `__other__`.
    #[param(minimum = 1, maximum = 1000, default = 20)]
    groups_max: Option<i64>,
    /// Only events of one of these types.
    #[param(max_items = 50)]
    event_type: Option<Vec<String>>,
}

/// A question about what events carried.
#[derive(Clone, Debug, Serialize)]
pub struct PropertiesRequest {
    /// When.
    pub period: Period,
    property: Option<Property>,
    values_max: i64,
    filters: RawFilters,
}

/// What events carried.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Properties {
    /// When.
    #[serde(flatten)]
    pub period: Period,
    /// Time before which raw rows are kept no more, when that is inside the period.
    #[serde(serialize_with = "as_iso_or_null", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_from: Option<i64>,
    /// The keys of what events carried, those that most of them had first; without `property`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<Vec<PropertyKey>>,
    /// The values of `property`.
    #[serde(flatten)]
    pub values: Option<Values>,
}

/// A key of what events carried.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PropertyKey {
    /// Its name as a property: `metadata.KEY`.
    pub property: String,
    /// Share of the events that have it, 0 to 1; of a sample when there are many.
    pub share: f64,
}

/// The values of a property.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Values {
    /// The property.
    pub property: String,
    /// Events that were looked at.
    pub events: u64,
    /// Of these, those that have the property.
    pub events_with: u64,
    /// How many different values there are.
    pub distinct: u64,
    /// The most frequent values, with `__other__` for the rest.
    pub values: Vec<PropertyValue>,
}

/// A value of a property.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PropertyValue {
    /// The value as a text; `__other__` for all that are not shown.
    pub value: String,
    /// Events with it.
    pub count: u64,
    /// Their share of the events that have the property, 0 to 1.
    pub share: f64,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct KeyRow {
    key_name: String,
    events: u64,
    looked_at: u64,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct ValueRow {
    value_text: String,
    events: u64,
    with: u64,
    distinct: u64,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct CountRow {
    events: u64,
}

impl PropertiesRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `property` | the property whose values are wanted; without it, the list of keys |
    /// | `groups_max` | how many values: 1 to 1,000, otherwise 20 |
    /// | `from`, `to`, `timezone` | the last 7 days unless given |
    /// | others | filters, among them `event_type` |
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        project: &Project,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let property = reader.property("property", Table::UserEvents);
        let (period, _) = reader.period(project.time_zone.as_str(), RANGE_DEFAULT, now);
        let values_max = reader.number("groups_max", VALUES_DEFAULT, 1..=VALUES_MAX);
        let filters = reader.raw_filters(Table::UserEvents, &[]);
        reader.nothing_else();
        reader.no_faults()?;
        Ok(Self {
            period,
            property,
            values_max,
            filters,
        })
    }

    fn keys(&self, every: u64, database: &str, project_id: &str) -> Statement {
        let sql = format!(
            "SELECT key_name, count() AS events, any(looked_at) AS looked_at\n\
             FROM (\n    \
                 SELECT arrayJoin(keys) AS key_name, looked_at\n    \
                 FROM (\n        \
                     SELECT JSONAllPaths(event_data) AS keys, count() OVER () AS looked_at\n        \
                     FROM {{database:Identifier}}.user_events\n        \
                     WHERE {condition} AND cityHash64(event_id) % {{every:UInt64}} = 0\n    \
                 )\n\
             )\n\
             GROUP BY key_name ORDER BY events DESC, key_name LIMIT {KEYS_MAX}",
            condition = self.condition(),
        );
        let every = Parameter::Integer(i64::try_from(every).unwrap_or(i64::MAX));
        self.bind(Statement::new(sql), database, project_id)
            .with("every", every)
    }

    fn counts(&self, property: &Property, database: &str, project_id: &str) -> Statement {
        let sql = format!(
            "SELECT value_text, events, sum(events) OVER () AS with, count() OVER () AS distinct\n\
             FROM (\n    \
                 SELECT {value} AS value_text, count() AS events\n    \
                 FROM {{database:Identifier}}.user_events\n    \
                 WHERE {condition} AND value_text != ''\n    \
                 GROUP BY value_text\n\
             )\n\
             ORDER BY events DESC, value_text LIMIT {{values_max:UInt64}}\n\
             SETTINGS max_bytes_before_external_group_by = {SPILL_BYTES}",
            value = property.expression("property_key"),
            condition = self.condition(),
        );
        let statement = self
            .bind(Statement::new(sql), database, project_id)
            .with("values_max", Parameter::Integer(self.values_max));
        property.bind(statement, "property_key")
    }

    fn count(&self, select: &str, database: &str, project_id: &str) -> Statement {
        let sql = format!(
            "{select} FROM {{database:Identifier}}.user_events WHERE {}",
            self.condition()
        );
        self.bind(Statement::new(sql), database, project_id)
    }

    fn condition(&self) -> String {
        let (period, filters) = (Period::CONDITION, self.filters.condition());
        format!("project_id = {{project:String}} AND {period}{filters}")
    }

    fn bind(&self, statement: Statement, database: &str, project_id: &str) -> Statement {
        let statement = statement
            .with("database", Parameter::Text(database.to_owned()))
            .with("project", Parameter::Text(project_id.to_owned()));
        self.filters.bind(self.period.bind(statement))
    }
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn properties(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &PropertiesRequest,
    now: UnixMicros,
) -> Result<Properties, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let mut answer = Properties {
        period: request.period.clone(),
        kept_from: request.period.kept_from(retention, now),
        properties: None,
        values: None,
    };
    if let Some(property) = &request.property {
        let counted = request.count("SELECT count() AS events", &database, project_id);
        let counts = request.counts(property, &database, project_id);
        let (counted, rows) = tokio::try_join!(
            question.select::<CountRow>(&counted),
            question.select::<ValueRow>(&counts),
        )?;
        let events = counted.first().map_or(0, |row| row.events);
        answer.values = Some(values(property, events, rows));
    } else {
        let estimate = request.count("EXPLAIN ESTIMATE SELECT ts", &database, project_id);
        let every = Estimate::every(&question, &estimate, KEY_ROWS_MAX).await?;
        let rows: Vec<KeyRow> = question
            .select(&request.keys(every, &database, project_id))
            .await?;
        answer.properties = Some(rows.into_iter().map(PropertyKey::from).collect());
    }
    Ok(answer)
}

#[expect(clippy::cast_precision_loss, reason = "a share of more than 2^53 events")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

impl From<KeyRow> for PropertyKey {
    fn from(row: KeyRow) -> Self {
        Self {
            property: format!("metadata.{}", row.key_name),
            share: share(row.events, row.looked_at),
        }
    }
}

fn values(property: &Property, events: u64, rows: Vec<ValueRow>) -> Values {
    let (with, distinct) = rows.first().map_or((0, 0), |row| (row.with, row.distinct));
    let shown: u64 = rows.iter().map(|row| row.events).sum();
    let value = |value: String, count: u64| PropertyValue {
        value,
        count,
        share: share(count, with),
    };
    let mut values: Vec<_> = rows
        .into_iter()
        .map(|row| value(row.value_text, row.events))
        .collect();
    if shown < with {
        values.push(value("__other__".to_owned(), with - shown));
    }
    Values {
        property: property.name().to_owned(),
        // What arrived between the two questions counts too.
        events: events.max(with),
        events_with: with,
        distinct,
        values,
    }
}
