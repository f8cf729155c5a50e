//! What metrics can be filtered and grouped by.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::IntoParams;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{self, Required};

use super::grain::Grain;
use super::parameters::Parameters;
use crate::domain::field_error::FieldFault;
use crate::warehouse::{Parameter, Statement};

/// Values of one filter.
const FILTER_VALUES_MAX: usize = 50;
/// Characters of a filter's value: what the longest stored text may have.
const FILTER_CHARS_MAX: usize = 1_024;

macro_rules! dimensions {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// A column that can be filtered or grouped by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Dimension {
            $($(#[$doc])+ $variant,)+
        }

        impl Dimension {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Name of the parameter, which is the name of the column.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

dimensions! {
    /// Name of a web vital, or as sent.
    Name = "name",
    /// Page.
    Page = "page",
    /// Called endpoint.
    ApiEndpoint = "api_endpoint",
    /// Effect.
    EffectId = "effect_id",
    /// Family of the browser.
    Browser = "browser",
    /// Family of the operating system.
    Os = "os",
    /// Class of the device.
    Device = "device",
    /// Country.
    Country = "country",
    /// Region.
    Region = "region",
    /// Release of the frontend.
    Release = "release",
    /// Environment of the frontend.
    Environment = "environment",
    /// HTTP method of the call.
    Method = "method",
    /// HTTP status of the call.
    Status = "status",
    /// Session.
    SessionId = "session_id",
    /// User.
    UserId = "user_id",
}

impl Dimension {
    /// What a question can be grouped by.
    pub const GROUPS: [Self; 11] = [
        Self::Page,
        Self::ApiEndpoint,
        Self::EffectId,
        Self::Browser,
        Self::Os,
        Self::Device,
        Self::Country,
        Self::Region,
        Self::Release,
        Self::Environment,
        Self::Method,
    ];

    /// The finest rollup with slices by it; `None` when there are none.
    const fn finest_slices(self) -> Option<Grain> {
        match self {
            Self::Page | Self::ApiEndpoint => Some(Grain::Minute),
            Self::EffectId
            | Self::Browser
            | Self::Os
            | Self::Device
            | Self::Country
            | Self::Region
            | Self::Release => Some(Grain::Hour),
            Self::Name | Self::Environment | Self::Method | Self::Status | Self::SessionId | Self::UserId => {
                None
            }
        }
    }
}

/// Describes what [`Filters::read`] and [`read_group`] read.
pub struct DimensionParameters;

impl IntoParams for DimensionParameters {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<openapi::path::Parameter> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let parameter = |name: &str, words: String| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(place().unwrap_or(ParameterIn::Query))
                .required(Required::False)
                .description(Some(words))
        };
        let filters = Dimension::ALL.iter().map(|dimension| {
            let values = ArrayBuilder::new()
                .items(text())
                .max_items(Some(FILTER_VALUES_MAX));
            let words =
                format!("Only events with one of these values, each at most {FILTER_CHARS_MAX} characters.");
            parameter(dimension.name(), words).schema(Some(values)).build()
        });
        let groups = Dimension::GROUPS.map(Dimension::name);
        let group_by = parameter("group_by", "What events are told apart by.".to_owned());
        let group_by = group_by.schema(Some(text().enum_values(Some(groups)))).build();
        std::iter::once(group_by).chain(filters).collect()
    }
}

/// Slices of the rollups: those of one dimension, or of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slices {
    /// `None`: all events in one.
    pub(super) dimension: Option<Dimension>,
    /// Whether each environment is apart. Below an hour it always is.
    pub(super) by_environment: bool,
    /// The finest rollup that has them.
    pub(super) finest: Grain,
}

impl Slices {
    /// The slices that answer a question with these filters and this group; `None` when only raw rows do.
    pub(super) fn of(filters: &Filters, group_by: Option<Dimension>, only_vitals: bool) -> Option<Self> {
        Self::having(filters.dimensions().chain(group_by), only_vitals)
    }

    /// The slices that tell events apart by these dimensions; `None` when only raw rows do.
    pub(super) fn having(dimensions: impl IntoIterator<Item = Dimension>, only_vitals: bool) -> Option<Self> {
        let mut slices = Self {
            dimension: None,
            by_environment: false,
            finest: Grain::Minute,
        };
        for dimension in dimensions {
            if dimension == Dimension::Environment {
                slices.by_environment = true;
                continue;
            }
            // Names of other metrics than vitals are not rolled up.
            let is_free = dimension == Dimension::Name && only_vitals;
            if is_free || slices.dimension == Some(dimension) {
                continue;
            }
            let finest = dimension.finest_slices()?;
            if slices.dimension.is_some() {
                return None;
            }
            slices = Self {
                dimension: Some(dimension),
                finest,
                ..slices
            };
        }
        Some(slices)
    }

    /// Value of the column `dimension` in rows of this grain.
    pub(super) fn name(self, grain: Grain) -> Cow<'static, str> {
        let is_apart = self.by_environment || grain < Grain::Hour;
        match (is_apart, self.dimension) {
            (false, None) => Cow::from("all"),
            (false, Some(dimension)) => Cow::from(dimension.name()),
            (true, None) => Cow::from("environment"),
            (true, Some(dimension)) => Cow::from(format!("environment+{}", dimension.name())),
        }
    }
}

/// Values that pass, by dimension; a dimension that is not here passes with any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Filters(BTreeMap<Dimension, Vec<String>>);

impl Filters {
    /// Takes the filters out of a question's parameters.
    pub(super) fn read(reader: &mut Parameters) -> Self {
        let mut filters = BTreeMap::new();
        for dimension in Dimension::ALL {
            let values = read_values(reader, *dimension);
            if !values.is_empty() {
                filters.insert(*dimension, values);
            }
        }
        Self(filters)
    }

    pub(super) fn dimensions(&self) -> impl Iterator<Item = Dimension> {
        self.0.keys().copied()
    }

    /// Values of one dimension; `None` when all pass.
    pub(super) fn values(&self, dimension: Dimension) -> Option<&[String]> {
        self.0.get(&dimension).map(Vec::as_slice)
    }

    /// Binds the values, each under its dimension's name.
    pub(super) fn bind(&self, statement: Statement) -> Statement {
        self.0.iter().fold(statement, |statement, (dimension, values)| {
            let values = match dimension {
                Dimension::Status => {
                    Parameter::Integers(values.iter().filter_map(|value| value.parse().ok()).collect())
                }
                _ => Parameter::Texts(values.clone()),
            };
            statement.with(dimension.name(), values)
        })
    }

    /// `AND column IN {…}` for each dimension; the column is the dimension's own, but for the one that `member` stands for.
    pub(super) fn condition(&self, member: Option<Dimension>) -> String {
        let conditions = self.0.keys().map(|dimension| {
            let name = dimension.name();
            let column = if member == Some(*dimension) {
                "member"
            } else {
                name
            };
            let values = match dimension {
                Dimension::Status => "Array(UInt16)",
                _ => "Array(String)",
            };
            format!(" AND {column} IN {{{name}:{values}}}")
        });
        conditions.collect()
    }
}

fn read_values(reader: &mut Parameters, dimension: Dimension) -> Vec<String> {
    let name = dimension.name();
    let mut values = reader.all(name);
    values.sort();
    values.dedup();
    if values.len() > FILTER_VALUES_MAX {
        let message = format!("must not be given more than {FILTER_VALUES_MAX} times");
        reader.fault(name, FieldFault::TooLong, message);
    }
    if values
        .iter()
        .any(|value| value.chars().count() > FILTER_CHARS_MAX)
    {
        let message = format!("must not be longer than {FILTER_CHARS_MAX} characters");
        reader.fault(name, FieldFault::TooLong, message);
    }
    if dimension == Dimension::Status && values.iter().any(|value| !is_status(value)) {
        reader.fault(name, FieldFault::OutOfRange, "must be an HTTP status, 100 to 599");
    }
    values
}

fn is_status(value: &str) -> bool {
    value
        .parse()
        .is_ok_and(|status: u16| (100..=599).contains(&status))
}

/// What a question is grouped by.
pub(super) fn read_group(reader: &mut Parameters) -> Option<Dimension> {
    let sent = reader.one("group_by")?;
    let known = Dimension::GROUPS.into_iter().find(|known| known.name() == sent);
    if known.is_none() {
        let names: Vec<_> = Dimension::GROUPS.iter().map(|known| known.name()).collect();
        let message = format!("must be one of {}", names.join(", "));
        reader.fault("group_by", FieldFault::UnknownValue, message);
    }
    known
}
