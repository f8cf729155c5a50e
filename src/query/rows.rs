//! Raw rows of all kinds in one form, in the order of their time, by cursor.
//!
//! A list without a cursor's end is never cut at random: rows stand in the order of time and id, and the cursor names the
//! last one that was given. Rows that arrive late, with a time that the list has passed, are not seen by whoever pages on.
//!
//! - Over one kind, ClickHouse looks at times and ids first and reads the rest of the rows that are shown alone.
//! - Over one session, the index of sessions leaves a handful of granules to read.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::cursor::Cursor;
use super::iso::as_iso_ms;
use super::raw_filters::{Property, RawFilters, object_of};
use crate::domain::beacon::Kind;
use crate::warehouse::{Parameter, Statement};

/// Most rows of a page.
pub(super) const LIMIT_MAX: i64 = 1_000;
/// Rows of a page when nobody says.
pub(super) const LIMIT_DEFAULT: i64 = 100;

/// A row as the warehouse gives it.
#[derive(Clone, Debug, Row, Deserialize)]
pub(super) struct FoundRow {
    row_kind: String,
    id: String,
    ts_ms: i64,
    row_name: String,
    row_session: String,
    row_user: String,
    row_browser: String,
    row_os: String,
    row_device: String,
    row_country: String,
    row_page: String,
    row_value: Option<f64>,
    row_fields: Vec<(String, String)>,
    row_data: String,
}

/// A stored beacon.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RawRow {
    /// `metric`, `funnel`, `event` or `alert`.
    pub kind: String,
    /// Its id.
    pub event_id: String,
    /// Its time, in milliseconds since 1970.
    #[serde(serialize_with = "as_iso_ms")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// Type of the metric or event, name of the step, or metric of the alert.
    pub name: String,
    /// Its session.
    pub session_id: String,
    /// Its user; empty when it named none.
    pub user_id: String,
    /// Family of the browser.
    pub browser: String,
    /// Family of the operating system.
    pub os: String,
    /// Kind of device.
    pub device: String,
    /// Country.
    pub country: String,
    /// Page; empty when it named none.
    pub page: String,
    /// Measured value, for metrics and alerts.
    pub value: Option<f64>,
    /// Its further columns, without those that are empty.
    pub fields: BTreeMap<String, String>,
    /// The object that it carried.
    #[schema(value_type = Object)]
    pub data: Box<RawValue>,
}

/// How much of a list is wanted, and from where on; [`EventsRequest`](super::events::EventsRequest) and others read it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what is read")]
pub struct CursorParameters {
    /// Items of a page at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Some rows of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RowsPage {
    /// The rows.
    pub items: Vec<RawRow>,
    /// Where the list goes on; null at its end.
    pub next_cursor: Option<String>,
}

/// In which direction a list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    /// From the oldest on.
    Oldest,
    /// From the newest on.
    Newest,
}

impl Direction {
    const fn order(self) -> &'static str {
        match self {
            Self::Oldest => "ASC",
            Self::Newest => "DESC",
        }
    }

    const fn behind(self) -> &'static str {
        match self {
            Self::Oldest => ">",
            Self::Newest => "<",
        }
    }
}

/// What a list is made of: kinds, each with the condition on its rows.
pub(super) struct List<'a> {
    pub(super) kinds: Vec<(Kind, String)>,
    pub(super) filters: &'a RawFilters,
    pub(super) direction: Direction,
    pub(super) cursor: Option<&'a Cursor>,
    pub(super) limit: i64,
}

/// Ids in cursors of rows.
pub(super) fn is_row_id(id: &str) -> bool {
    Uuid::try_parse(id).is_ok()
}

impl List<'_> {
    /// One row more than the page has, to know whether there are more. The conditions' own parameters are the
    /// caller's to bind.
    pub(super) fn statement(&self, database: &str, project_id: &str) -> Statement {
        let order = self.direction.order();
        let selects: Vec<String> = self
            .kinds
            .iter()
            .map(|(kind, condition)| {
                let behind = self.behind_cursor();
                let filters = self.filters.condition();
                format!(
                    "SELECT {}\n\
                     FROM {{database:Identifier}}.{}\n\
                     WHERE project_id = {{project:String}} AND {condition}{filters}{behind}\n\
                     ORDER BY ts {order}, event_id {order}\n\
                     LIMIT {{rows_max:UInt64}}",
                    columns(*kind),
                    kind.table().name(),
                )
            })
            .collect();
        let names = "row_kind, toString(event_id) AS id, toUnixTimestamp64Milli(ts) AS ts_ms, row_name, row_session, \
             row_user, row_browser, row_os, row_device, row_country, row_page, row_value, row_fields, row_data";
        let sql = format!(
            "SELECT {names}\nFROM (\n{}\n)\n\
             ORDER BY ts {order}, event_id {order}\n\
             LIMIT {{rows_max:UInt64}}\n\
             SETTINGS query_plan_max_limit_for_lazy_materialization = {}",
            selects.join("\nUNION ALL\n"),
            LIMIT_MAX + 1,
        );
        let statement = Statement::new(sql)
            .with("database", Parameter::Text(database.to_owned()))
            .with("project", Parameter::Text(project_id.to_owned()))
            .with("rows_max", Parameter::Integer(self.limit + 1));
        let statement = self.filters.bind(statement);
        match self.cursor {
            None => statement,
            Some(cursor) => statement
                .with("cursor_ms", Parameter::Integer(cursor.ts_ms))
                .with("cursor_id", Parameter::Text(cursor.id.clone())),
        }
    }

    fn behind_cursor(&self) -> String {
        if self.cursor.is_none() {
            return String::new();
        }
        let behind = self.direction.behind();
        let at = "fromUnixTimestamp64Milli({cursor_ms:Int64}, 'UTC')";
        // The first condition is for the index.
        format!(
            " AND ts {behind}= {at} AND (ts {behind} {at} OR event_id {behind} toUUID({{cursor_id:String}}))"
        )
    }

    /// The page of what was found.
    pub(super) fn page(&self, mut found: Vec<FoundRow>) -> RowsPage {
        let limit = usize::try_from(self.limit).unwrap_or_default();
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = found.last().filter(|_| has_more).map(|last| {
            let (ts_ms, id) = (last.ts_ms, last.id.clone());
            Cursor { ts_ms, id }.text()
        });
        RowsPage {
            items: found.into_iter().map(RawRow::from).collect(),
            next_cursor,
        }
    }
}

impl From<FoundRow> for RawRow {
    fn from(row: FoundRow) -> Self {
        Self {
            kind: row.row_kind,
            event_id: row.id,
            ts: row.ts_ms,
            name: row.row_name,
            session_id: row.row_session,
            user_id: row.row_user,
            browser: row.row_browser,
            os: row.row_os,
            device: row.row_device,
            country: row.row_country,
            page: row.row_page,
            value: row.row_value,
            fields: row.row_fields.into_iter().collect(),
            data: RawValue::from_string(row.row_data).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        }
    }
}

/// The columns of a kind's rows under the names of [`FoundRow`].
fn columns(kind: Kind) -> String {
    let (name, value, fields): (&str, &str, &[&str]) = match kind {
        Kind::Metric => (
            "type",
            "toNullable(value)",
            &[
                "name",
                "api_endpoint",
                "method",
                "status",
                "region",
                "effect_id",
                "error_context",
                "release",
                "environment",
                "rating",
                "navigation_type",
            ],
        ),
        Kind::Funnel => ("step", "CAST(NULL, 'Nullable(Float64)')", &["effect_id"]),
        Kind::Event => ("event_type", "CAST(NULL, 'Nullable(Float64)')", &[]),
        Kind::Alert => (
            "metric",
            "toNullable(actual_value)",
            &["severity", "threshold", "browser", "device_type"],
        ),
    };
    let table = kind.table();
    let of = |name: &str| {
        // Neither is a key, so neither has a parameter.
        Property::of(table, name).map_or_else(|| "''".to_owned(), |property| property.expression(""))
    };
    // A fixed key of ours needs no parameter.
    let page = match (kind, object_of(table)) {
        (Kind::Metric, _) | (_, None) => "page".to_owned(),
        (_, Some(object)) => format!("ifNull(toString(getSubcolumn({object}, 'page')), '')"),
    };
    let fields: Vec<String> = fields
        .iter()
        .map(|field| match *field {
            "status" => "('status', if(status = 0, '', toString(status)))".to_owned(),
            "threshold" => "('threshold', toString(threshold))".to_owned(),
            field => format!("('{field}', toString({field}))"),
        })
        .collect();
    let fields = if fields.is_empty() {
        "CAST([], 'Array(Tuple(String, String))')".to_owned()
    } else {
        format!("arrayFilter(field -> field.2 != '', [{}])", fields.join(", "))
    };
    let object = object_of(table).unwrap_or("''");
    format!(
        "'{kind}' AS row_kind, event_id, ts, toString({name}) AS row_name, session_id AS row_session, \
         user_id AS row_user, toString({browser}) AS row_browser, toString(os) AS row_os, toString(device) AS row_device, \
         toString(country) AS row_country, toString({page}) AS row_page, {value} AS row_value, \
         {fields} AS row_fields, toJSONString({object}) AS row_data",
        kind = kind.as_str(),
        browser = of("browser"),
    )
}
