//! What raw rows can be filtered and grouped by: columns, and any key of the object that a row carries.
//!
//! | property | metrics | funnel steps | events | alerts |
//! |---|---|---|---|---|
//! | `session_id`, `user_id`, `browser`, `os`, `device`, `country` | column | column | column | column |
//! | `effect_id` | column | column | key | key |
//! | `page`, `release`, `environment`, `api_endpoint`, `region`, `method` | column | key | key | key |
//! | `name`, `type`, `status` | column | | | |
//! | `step` | | column | | |
//! | `event_type` | | | column | |
//! | `severity`, `metric` | | | | column |
//! | `metadata.KEY` | key of `metadata` | key of `metadata` | key of `event_data` | key of `user_context` |
//!
//! A value that a row does not have is the empty text. A key's name is bound like a value: it never becomes part of
//! the statement.

use std::collections::BTreeMap;

use serde::Serialize;

use super::parameters::Parameters;
use crate::domain::field_error::FieldFault;
use crate::domain::table::Table;
use crate::warehouse::{Parameter, Statement};

/// Most values of one filter.
const VALUES_MAX: usize = 50;
/// Most characters of a filter's value: what the longest stored text may have.
const VALUE_CHARS_MAX: usize = 1_024;
/// Most characters of a key.
const KEY_CHARS_MAX: usize = 100;
/// Prefix of keys of the object that a row carries.
const KEY_PREFIX: &str = "metadata.";

/// Columns that all raw tables have under this name, but for alerts, whose `browser` is the client's own word.
const COMMON: [&str; 6] = ["session_id", "user_id", "browser", "os", "device", "country"];
/// Names that are columns of metrics, and keys of what other rows carry.
const COLUMNS_OR_KEYS: [&str; 7] = [
    "page",
    "release",
    "environment",
    "api_endpoint",
    "region",
    "method",
    "effect_id",
];

/// Parameters of a statement must have names that live as long as the program.
const VALUE_NAMES: [&str; FILTERS_MAX] = [
    "filter_0", "filter_1", "filter_2", "filter_3", "filter_4", "filter_5", "filter_6", "filter_7",
];
const KEY_NAMES: [&str; FILTERS_MAX] = [
    "filter_key_0",
    "filter_key_1",
    "filter_key_2",
    "filter_key_3",
    "filter_key_4",
    "filter_key_5",
    "filter_key_6",
    "filter_key_7",
];
/// Most filters of a question.
const FILTERS_MAX: usize = 8;

/// Which rows count; [`Parameters::raw_filters`] reads it. Beside these, `metadata.KEY` filters by a key of the object
/// that a row carries. Each may be given up to 50 times, at most 8 different ones.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Parameters::raw_filters` reads")]
pub struct RawFilterParameters {
    /// Only rows of one of these sessions.
    #[param(max_items = 50)]
    session_id: Option<Vec<String>>,
    /// Only rows of one of these users.
    #[param(max_items = 50)]
    user_id: Option<Vec<String>>,
    /// Only rows from one of these browsers.
    #[param(max_items = 50)]
    browser: Option<Vec<String>>,
    /// Only rows from one of these systems.
    #[param(max_items = 50)]
    os: Option<Vec<String>>,
    /// Only rows from one of these classes of devices.
    #[param(max_items = 50)]
    device: Option<Vec<String>>,
    /// Only rows from one of these countries.
    #[param(max_items = 50)]
    country: Option<Vec<String>>,
    /// Only rows of one of these pages.
    #[param(max_items = 50)]
    page: Option<Vec<String>>,
    /// Only rows of one of these releases.
    #[param(max_items = 50)]
    release: Option<Vec<String>>,
    /// Only rows of one of these environments.
    #[param(max_items = 50)]
    environment: Option<Vec<String>>,
    /// Only rows of one of these endpoints.
    #[param(max_items = 50)]
    api_endpoint: Option<Vec<String>>,
    /// Only rows of one of these regions.
    #[param(max_items = 50)]
    region: Option<Vec<String>>,
    /// Only rows with one of these HTTP methods.
    #[param(max_items = 50)]
    method: Option<Vec<String>>,
    /// Only rows of one of these effects.
    #[param(max_items = 50)]
    effect_id: Option<Vec<String>>,
}

/// Something that rows of a table can be told apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub(super) struct Property {
    name: String,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// A column of texts.
    Column(&'static str),
    /// A column of numbers, of which 0 stands for nothing.
    Number(&'static str),
    /// A key of the object in this column.
    Key { column: &'static str, key: String },
}

impl From<Property> for String {
    fn from(property: Property) -> Self {
        property.name
    }
}

impl Property {
    /// The property with this name, if rows of the table have it.
    pub(super) fn of(table: Table, name: &str) -> Option<Self> {
        let object = object_of(table)?;
        let key = |key: &str| Place::Key {
            column: object,
            key: key.to_owned(),
        };
        let own: &[&'static str] = match table {
            Table::PerformanceMetrics => &["type", "name", "rating", "navigation_type"],
            Table::FunnelSteps => &["step", "effect_id"],
            Table::UserEvents => &["event_type"],
            Table::ClientAlerts => &["severity", "metric"],
            Table::VendorCalls | Table::Recall | Table::Ledger => &[],
        };
        let find = |names: &[&'static str]| names.iter().copied().find(|known| *known == name);
        let place = if name == "browser" && table == Table::ClientAlerts {
            Place::Column("browser_family")
        } else if let Some(column) = find(&COMMON).or_else(|| find(own)) {
            Place::Column(column)
        } else if name == "status" && table == Table::PerformanceMetrics {
            Place::Number("status")
        } else if let Some(column) = find(&COLUMNS_OR_KEYS) {
            if table == Table::PerformanceMetrics {
                Place::Column(column)
            } else {
                key(column)
            }
        } else {
            let named = name.strip_prefix(KEY_PREFIX)?;
            let is_good = !named.is_empty()
                && named.chars().count() <= KEY_CHARS_MAX
                && !named.chars().any(char::is_control);
            is_good.then(|| key(named))?
        };
        let name = name.to_owned();
        Some(Self { name, place })
    }

    /// Its name in questions.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its value as a text. `key_name` is the parameter that holds the key.
    pub(super) fn expression(&self, key_name: &str) -> String {
        match &self.place {
            Place::Column(column) => (*column).to_owned(),
            Place::Number(column) => format!("if({column} = 0, '', toString({column}))"),
            Place::Key { column, .. } => {
                format!("ifNull(toString(getSubcolumn({column}, {{{key_name}:String}})), '')")
            }
        }
    }

    /// Binds what [`expression`](Self::expression) needs.
    pub(super) fn bind(&self, statement: Statement, key_name: &'static str) -> Statement {
        match &self.place {
            Place::Column(_) | Place::Number(_) => statement,
            Place::Key { key, .. } => statement.with(key_name, Parameter::Text(key.clone())),
        }
    }
}

/// The column that holds what else a row carries.
pub(super) const fn object_of(table: Table) -> Option<&'static str> {
    match table {
        Table::PerformanceMetrics | Table::FunnelSteps => Some("metadata"),
        Table::UserEvents => Some("event_data"),
        Table::ClientAlerts => Some("user_context"),
        Table::VendorCalls | Table::Recall | Table::Ledger => None,
    }
}

/// Which rows of a table are meant: those that have, for each property, one of these values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct RawFilters(BTreeMap<Property, Vec<String>>);

/// Filters for rows of several tables: by the names of the properties.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct AnyFilters(BTreeMap<String, Vec<String>>);

impl AnyFilters {
    /// The filters for rows of a table; none when its rows lack one of the properties, so that no row fits.
    pub(super) fn of(&self, table: Table) -> Option<RawFilters> {
        let filters = self.0.iter().map(|(name, values)| {
            let property = Property::of(table, name)?;
            Some((property, values.clone()))
        });
        filters.collect::<Option<_>>().map(RawFilters)
    }

    /// Binds what the conditions of all tables need.
    pub(super) fn bind(&self, statement: Statement) -> Statement {
        self.0.iter().zip(VALUE_NAMES.iter().zip(KEY_NAMES)).fold(
            statement,
            |statement, ((property, values), (name, key))| {
                // Names that are columns of one table are keys of another.
                let path = property.strip_prefix(KEY_PREFIX).unwrap_or(property);
                statement
                    .with(*name, Parameter::Texts(values.clone()))
                    .with(key, Parameter::Text(path.to_owned()))
            },
        )
    }
}

impl Parameters {
    /// Takes the filters for rows of several tables.
    pub(super) fn any_filters(&mut self, tables: &[Table], but: &[&str]) -> AnyFilters {
        let mut all = BTreeMap::new();
        for table in tables {
            // What one table's rows have may be given; each takes its own names out.
            let RawFilters(filters) = self.raw_filters(*table, but);
            all.extend(
                filters
                    .into_iter()
                    .map(|(property, values)| (property.name, values)),
            );
        }
        self.not_too_many(all.len());
        AnyFilters(all)
    }

    /// Takes the filters for rows of a table; `but` are names that the question uses for something else.
    pub(super) fn raw_filters(&mut self, table: Table, but: &[&str]) -> RawFilters {
        let mut filters = BTreeMap::new();
        let plain = COMMON
            .iter()
            .chain(&COLUMNS_OR_KEYS)
            .chain(&["type", "name", "rating", "navigation_type", "status"])
            .chain(&["step", "event_type", "severity", "metric"])
            .filter(|name| !but.contains(name))
            .filter_map(|name| Property::of(table, name))
            .collect::<Vec<_>>();
        let mut given: Vec<(Property, Vec<String>)> = plain
            .into_iter()
            .map(|property| {
                let values = self.all(property.name());
                (property, values)
            })
            .collect();
        for (key, values) in self.beginning_with(KEY_PREFIX) {
            let name = format!("{KEY_PREFIX}{key}");
            match Property::of(table, &name) {
                Some(property) => given.push((property, values)),
                None => self.fault("metadata", FieldFault::BadFormat, KEY_FORM),
            }
        }
        for (property, mut values) in given {
            values.sort();
            values.dedup();
            if values.is_empty() {
                continue;
            }
            let is_long = values.len() > VALUES_MAX
                || values.iter().any(|value| value.chars().count() > VALUE_CHARS_MAX);
            if is_long {
                let message = format!(
                    "must be given at most {VALUES_MAX} times, each at most {VALUE_CHARS_MAX} characters"
                );
                self.fault(property.name().to_owned(), FieldFault::TooLong, message);
            }
            filters.insert(property, values);
        }
        self.not_too_many(filters.len());
        RawFilters(filters)
    }

    fn not_too_many(&mut self, filters: usize) {
        if filters > FILTERS_MAX {
            let message = format!("a question may have at most {FILTERS_MAX} filters");
            self.fault("filters", FieldFault::TooLong, message);
        }
    }

    /// Reads the name of a property of a table's rows.
    pub(super) fn property(&mut self, parameter: &'static str, table: Table) -> Option<Property> {
        let name = self.one(parameter)?;
        let property = Property::of(table, &name);
        if property.is_none() {
            self.fault(
                parameter,
                FieldFault::UnknownValue,
                "is no property of these rows: take a column's name, like browser, or metadata.KEY",
            );
        }
        property
    }
}

/// What a key must be.
const KEY_FORM: &str = "metadata.KEY: a key has 1 to 100 characters, without control characters";

impl RawFilters {
    /// True when one of them is for the property of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.keys().any(|property| property.name == name)
    }

    /// The filters as conditions, each with ` AND ` before it.
    pub(super) fn condition(&self) -> String {
        self.0
            .keys()
            .zip(VALUE_NAMES.iter().zip(KEY_NAMES))
            .map(|(property, (values, key))| {
                let value = property.expression(key);
                format!(" AND {value} IN {{{values}:Array(String)}}")
            })
            .collect()
    }

    /// Binds what [`condition`](Self::condition) needs.
    pub(super) fn bind(&self, statement: Statement) -> Statement {
        self.0.iter().zip(VALUE_NAMES.iter().zip(KEY_NAMES)).fold(
            statement,
            |statement, ((property, values), (name, key))| {
                property
                    .bind(statement, key)
                    .with(*name, Parameter::Texts(values.clone()))
            },
        )
    }
}
