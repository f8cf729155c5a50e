//! From which values on a measurement is a warning, or critical.

use serde::{Deserialize, Serialize};

use crate::domain::field_error::{FieldError, FieldFault};

/// Largest bound of a value: eleven days in milliseconds.
const VALUE_MAX: f64 = 1e9;

/// What is compared with the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Half of all values are not above it.
    P50,
    /// 75 % of all values are not above it.
    P75,
    /// 90 % of all values are not above it.
    P90,
    /// 95 % of all values are not above it.
    P95,
    /// 99 % of all values are not above it.
    P99,
    /// The mean.
    Avg,
}

impl Statistic {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::P50, Self::P75, Self::P90, Self::P95, Self::P99, Self::Avg];

    /// Name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P75 => "p75",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Avg => "avg",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// The bounds of a type of metric: what is **above** `warning` is a warning, what is above `critical` is critical.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Threshold {
    /// What is compared.
    pub statistic: Statistic,
    /// In the unit of the metric: milliseconds, or none for CLS. At most `critical`.
    pub warning: f64,
    /// In the unit of the metric; at most 1e9.
    pub critical: f64,
}

/// The bounds of a share, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct ShareThreshold {
    /// At most `critical`.
    pub warning: f64,
    /// At most 1.
    pub critical: f64,
}

/// How a value stands to its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdState {
    /// There is no value, or there are no bounds.
    None,
    /// Not above `warning`.
    Ok,
    /// Above `warning`, not above `critical`.
    Warning,
    /// Above `critical`.
    Critical,
}

impl ThresholdState {
    /// How a value stands; no value is neither good nor bad.
    #[must_use]
    pub fn of(value: Option<f64>, warning: f64, critical: f64) -> Self {
        match value {
            Some(value) if value > critical => Self::Critical,
            Some(value) if value > warning => Self::Warning,
            Some(value) if !value.is_nan() => Self::Ok,
            _ => Self::None,
        }
    }
}

impl Threshold {
    const fn new(statistic: Statistic, warning: f64, critical: f64) -> Self {
        Self {
            statistic,
            warning,
            critical,
        }
    }

    /// How a value of its statistic stands.
    #[must_use]
    pub fn state(&self, value: Option<f64>) -> ThresholdState {
        ThresholdState::of(value, self.warning, self.critical)
    }

    /// The fixed bounds of a web vital at its 75th percentile: good up to the first, poor above the second.
    #[must_use]
    pub fn of_vital(name: &str) -> Option<Self> {
        let (good, poor) = match name {
            "LCP" => (2_500.0, 4_000.0),
            "INP" => (200.0, 500.0),
            "CLS" => (0.1, 0.25),
            "FCP" => (1_800.0, 3_000.0),
            "TTFB" => (800.0, 1_800.0),
            _ => return None,
        };
        Some(Self::new(Statistic::P75, good, poor))
    }
}

impl ShareThreshold {
    /// How a share stands.
    #[must_use]
    pub fn state(&self, share: Option<f64>) -> ThresholdState {
        ThresholdState::of(share, self.warning, self.critical)
    }
}

/// A project's bounds. Web vitals have fixed ones ([`Threshold::of_vital`]).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Thresholds {
    /// Milliseconds.
    pub page_load_time: Threshold,
    /// Milliseconds.
    pub api_response_time: Threshold,
    /// Milliseconds.
    pub effect_processing_time: Threshold,
    /// Share of measurements with an error, whatever their type.
    pub error_share: ShareThreshold,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            page_load_time: Threshold::new(Statistic::P75, 3_000.0, 5_000.0),
            api_response_time: Threshold::new(Statistic::P95, 3_000.0, 5_000.0),
            effect_processing_time: Threshold::new(Statistic::P95, 10_000.0, 30_000.0),
            error_share: ShareThreshold {
                warning: 0.02,
                critical: 0.05,
            },
        }
    }
}

impl Thresholds {
    /// The bounds of a type of metric; of web vitals those of the vital `name`. None for what has no bounds.
    #[must_use]
    pub fn of(&self, metric_type: &str, name: &str) -> Option<Threshold> {
        match metric_type {
            "page_load_time" => Some(self.page_load_time),
            "api_response_time" => Some(self.api_response_time),
            "effect_processing_time" => Some(self.effect_processing_time),
            "core_web_vitals" => Threshold::of_vital(name),
            _ => None,
        }
    }

    /// What is out of its limits.
    pub(super) fn faults(&self) -> Vec<FieldError> {
        let of = |one: &Threshold| (one.warning, one.critical, VALUE_MAX);
        let share = &self.error_share;
        let bounds = [
            ("page_load_time", of(&self.page_load_time)),
            ("api_response_time", of(&self.api_response_time)),
            ("effect_processing_time", of(&self.effect_processing_time)),
            ("error_share", (share.warning, share.critical, 1.0)),
        ];
        let mut faults = Vec::new();
        for (name, (warning, critical, max)) in bounds {
            if !(0.0..=max).contains(&critical) {
                let field = format!("settings.thresholds.{name}.critical");
                let message = format!("must be 0 to {max}");
                faults.push(FieldError::new(field, FieldFault::OutOfRange, message));
            } else if !(0.0..=critical).contains(&warning) {
                let field = format!("settings.thresholds.{name}.warning");
                let message = "must be 0 to the value of `critical`";
                faults.push(FieldError::new(field, FieldFault::OutOfRange, message));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::beacon::{METRIC_TYPES, VITALS};

    #[test]
    fn every_type_and_every_vital_has_bounds() {
        let thresholds = Thresholds::default();
        assert!(thresholds.faults().is_empty());
        for metric_type in METRIC_TYPES {
            assert!(thresholds.of(metric_type, "LCP").is_some(), "{metric_type}");
        }
        for vital in VITALS {
            let found = thresholds.of("core_web_vitals", vital).unwrap();
            assert!(found.warning < found.critical, "{vital}");
        }
        assert_eq!(thresholds.of("core_web_vitals", ""), None);
    }

    #[test]
    fn what_is_on_a_bound_is_not_above_it_and_no_value_is_no_state() {
        let bounds = Threshold::new(Statistic::P75, 0.1, 0.25);
        for (value, state) in [
            (Some(0.0), ThresholdState::Ok),
            (Some(0.1), ThresholdState::Ok),
            (Some(0.2), ThresholdState::Warning),
            (Some(0.25), ThresholdState::Warning),
            (Some(0.26), ThresholdState::Critical),
            (Some(f64::NAN), ThresholdState::None),
            (None, ThresholdState::None),
        ] {
            assert_eq!(bounds.state(value), state, "{value:?}");
        }
    }

    #[test]
    fn bounds_out_of_order_or_of_no_sense_are_refused() {
        let mut thresholds = Thresholds::default();
        thresholds.page_load_time.warning = 6_000.0;
        thresholds.api_response_time.critical = f64::INFINITY;
        thresholds.error_share.critical = 1.5;
        let faults = thresholds.faults().into_iter();
        let fields: Vec<_> = faults.map(|fault| fault.field.into_owned()).collect();
        assert_eq!(
            fields,
            [
                "settings.thresholds.page_load_time.warning",
                "settings.thresholds.api_response_time.critical",
                "settings.thresholds.error_share.critical",
            ]
        );
    }

    #[test]
    fn names_of_statistics_are_those_on_the_wire() {
        for one in Statistic::ALL {
            assert_eq!(serde_json::to_value(one).unwrap(), one.as_str());
            assert_eq!(Statistic::from_name(one.as_str()), Some(one));
        }
    }
}
