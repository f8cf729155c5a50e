//! How much a subject may, and for whom it is otherwise.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::project::ProjectId;
use crate::domain::beacon::Kind;
use crate::domain::field_error::{FieldError, FieldFault};

const ID_CHARS_MAX: usize = 200;

/// What one subject may; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct QuotaLimits {
    /// Performance metrics in a rolling hour.
    pub metrics_per_hour: u32,
    /// Events (funnel steps, events, alerts) in a rolling hour.
    pub events_per_hour: u32,
    /// Requests to the API in a rolling minute.
    pub api_per_minute: u32,
    /// Calls through the relay in a rolling minute, per server key.
    pub external_per_minute: u32,
}

impl Default for QuotaLimits {
    fn default() -> Self {
        Self {
            metrics_per_hour: 500,
            events_per_hour: 1_000,
            api_per_minute: 100,
            external_per_minute: 100,
        }
    }
}

/// The limits that an override changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PartialLimits {
    /// Performance metrics in a rolling hour; none: as it was.
    pub metrics_per_hour: Option<u32>,
    /// Events in a rolling hour; none: as it was.
    pub events_per_hour: Option<u32>,
    /// Requests to the API in a rolling minute; none: as it was.
    pub api_per_minute: Option<u32>,
    /// Calls through the relay in a rolling minute; none: as it was.
    pub external_per_minute: Option<u32>,
}

impl PartialLimits {
    /// These limits, and the others for what they leave open.
    #[must_use]
    pub fn over(self, others: QuotaLimits) -> QuotaLimits {
        QuotaLimits {
            metrics_per_hour: self.metrics_per_hour.unwrap_or(others.metrics_per_hour),
            events_per_hour: self.events_per_hour.unwrap_or(others.events_per_hour),
            api_per_minute: self.api_per_minute.unwrap_or(others.api_per_minute),
            external_per_minute: self.external_per_minute.unwrap_or(others.external_per_minute),
        }
    }

    /// True when nothing is changed.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// Whom an override is for. Where several fit, the later in this list wins, limit by limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QuotaTarget {
    /// Every subject of the project.
    Project,
    /// One kind of beacon.
    Endpoint(Kind),
    /// Every subject with this role, as its JWT says.
    Role(String),
    /// Everyone who shows this key.
    Key(Uuid),
    /// This subject.
    User(String),
}

impl QuotaTarget {
    /// Name of the kind of target, on the wire and in the store.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Endpoint(_) => "endpoint",
            Self::Role(_) => "role",
            Self::Key(_) => "key",
            Self::User(_) => "user",
        }
    }

    /// Which one of its kind; empty for the project.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Project => String::new(),
            Self::Endpoint(kind) => kind.as_str().to_owned(),
            Self::Role(id) | Self::User(id) => id.clone(),
            Self::Key(id) => id.to_string(),
        }
    }

    /// Reads a target from the name of its kind and its id.
    ///
    /// # Errors
    /// There is no such kind, or the id does not fit it.
    pub fn parse(kind: &str, id: &str) -> Result<Self, FieldError> {
        let bad_id = |message: &'static str| FieldError::new("target.id", FieldFault::BadFormat, message);
        let text = || {
            let count = id.chars().count();
            if count == 0 || count > ID_CHARS_MAX || id.chars().any(char::is_control) {
                return Err(bad_id(
                    "must have 1 to 200 characters, without control characters",
                ));
            }
            Ok(id.to_owned())
        };
        match kind {
            "project" if id.is_empty() => Ok(Self::Project),
            "project" => Err(bad_id("must be absent")),
            "endpoint" => Kind::ALL
                .into_iter()
                .find(|kind| kind.as_str() == id)
                .map(Self::Endpoint)
                .ok_or_else(|| bad_id("must be metric, alert, funnel or event")),
            "role" => text().map(Self::Role),
            "key" => Uuid::try_parse(id)
                .map(Self::Key)
                .map_err(|_| bad_id("must be the id of a key")),
            "user" => text().map(Self::User),
            _ => Err(FieldError::new(
                "target.kind",
                FieldFault::UnknownValue,
                "must be project, endpoint, role, key or user",
            )),
        }
    }
}

/// Whom an override is for, as it stands on the wire.
#[derive(Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaTargetFields {
    /// `project`, `endpoint`, `role`, `key` or `user`.
    #[schema(example = "user")]
    kind: String,
    /// Which one of its kind; absent for the project.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 200, example = "load-test")]
    id: String,
}

impl Serialize for QuotaTarget {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, id) = (self.kind().to_owned(), self.id());
        QuotaTargetFields { kind, id }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for QuotaTarget {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = QuotaTargetFields::deserialize(deserializer)?;
        Self::parse(&wire.kind, &wire.id).map_err(|fault| serde::de::Error::custom(fault.message))
    }
}

/// Other limits for some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct QuotaOverride {
    /// Its id.
    pub id: Uuid,
    /// The project.
    pub project_id: ProjectId,
    /// For whom.
    #[schema(value_type = QuotaTargetFields)]
    pub target: QuotaTarget,
    /// What is otherwise.
    pub limits: PartialLimits,
    /// When it was made.
    pub created_at_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_read_back_as_they_are_written() {
        for target in [
            QuotaTarget::Project,
            QuotaTarget::Endpoint(Kind::Funnel),
            QuotaTarget::Role("beta 'tester'".into()),
            QuotaTarget::Key(Uuid::from_u128(7)),
            QuotaTarget::User("ü@\u{1f600}".into()),
        ] {
            assert_eq!(
                QuotaTarget::parse(target.kind(), &target.id()),
                Ok(target.clone())
            );
            let json = serde_json::to_string(&target).unwrap();
            assert_eq!(serde_json::from_str::<QuotaTarget>(&json).unwrap(), target);
        }
        for (kind, id) in [
            ("project", "x"),
            ("endpoint", "x"),
            ("key", "x"),
            ("user", ""),
            ("x", ""),
        ] {
            assert!(QuotaTarget::parse(kind, id).is_err(), "{kind} {id}");
        }
    }

    #[test]
    fn an_override_changes_only_what_it_names() {
        let partial = PartialLimits {
            events_per_hour: Some(0),
            ..PartialLimits::default()
        };
        let limits = partial.over(QuotaLimits::default());
        assert_eq!((limits.events_per_hour, limits.metrics_per_hour), (0, 500));
        assert!(PartialLimits::default().is_empty() && !partial.is_empty());
    }
}
