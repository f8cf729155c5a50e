//! Orders of a list of groups.

use serde::Serialize;

use super::super::parameters::Parameters;
use crate::domain::field_error::FieldFault;

/// Order of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum SortBy {
    /// Most events first.
    #[default]
    Count,
    /// Highest mean first.
    Avg,
    /// Highest median first.
    P50,
    /// Highest 75th percentile first.
    P75,
    /// Highest 95th percentile first.
    P95,
    /// Highest 99th percentile first.
    P99,
    /// Highest share of errors first.
    ErrorShare,
    /// By name.
    Name,
}

impl SortBy {
    /// Reads `sort`.
    pub(in super::super) fn read(reader: &mut Parameters) -> Self {
        let Some(sent) = reader.one("sort") else {
            return Self::default();
        };
        let known = Self::ALL.into_iter().find(|(name, _)| *name == sent);
        if known.is_none() {
            let names: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
            let message = format!("must be one of {}", names.join(", "));
            reader.fault("sort", FieldFault::UnknownValue, message);
        }
        known.map(|(_, sort)| sort).unwrap_or_default()
    }

    const ALL: [(&'static str, Self); 8] = [
        ("count", Self::Count),
        ("avg", Self::Avg),
        ("p50", Self::P50),
        ("p75", Self::P75),
        ("p95", Self::P95),
        ("p99", Self::P99),
        ("error_share", Self::ErrorShare),
        ("name", Self::Name),
    ];

    pub(super) const fn expression(self) -> &'static str {
        match self {
            Self::Count => "events DESC",
            Self::Avg => "total / events DESC",
            Self::P50 => "percentiles[1] DESC",
            Self::P75 => "percentiles[2] DESC",
            Self::P95 => "percentiles[4] DESC",
            Self::P99 => "percentiles[5] DESC",
            Self::ErrorShare => "errors / events DESC",
            Self::Name => "series_group",
        }
    }
}
