//! What is asked, and how it is read from a query string.

use std::borrow::Cow;

use serde::Serialize;

#[cfg(doc)]
use super::super::dimension::Dimension;
use super::super::metrics::SortBy;
use super::super::parameters::Parameters;
use super::super::range::Ranges;
use super::super::selection::{MustHaveType, Selection};
use crate::clock::UnixMicros;
use crate::domain::field_error::FieldError;
use crate::domain::page::PageRequest;

/// What beside range, dimensions and page is asked for; [`PerformanceRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct PerformanceParameters {
    /// Types of metrics; all of them unless given.
    #[param(max_items = 50)]
    r#type: Option<Vec<String>>,
    /// `previous`: also the time before, of the same length; or `none`.
    #[param(default = "none", pattern = "^(previous|none)$")]
    compare: Option<String>,
    /// By what the list is sorted: `count`, `avg`, `p50`, `p75`, `p95`, `p99`, `error_share` or `name`.
    #[param(default = "count", pattern = "^(count|avg|p50|p75|p95|p99|error_share|name)$")]
    sort: Option<String>,
}

/// A question for the performance dashboard.
#[derive(Clone, Debug, Serialize)]
pub struct PerformanceRequest {
    pub(super) selection: Selection,
    pub(super) range: Ranges,
    pub(super) sort: SortBy,
    pub(super) page: PageRequest,
}

impl PerformanceRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `type` | type of metric; may be repeated; all of them unless given |
    /// | `from`, `to`, `timezone` | as for time series; widened to the minutes or hours of a chart of that range |
    /// | `compare` | `previous`: also the time before, of the same length; `none`, as without it |
    /// | `group_by` | one of [`Dimension::GROUPS`]; without it there is no list |
    /// | `sort` | `count`, `avg`, `p50`, `p75`, `p95`, `p99`, `error_share` or `name` |
    /// | `page_number`, `page_size` | page of the list |
    /// | the name of any [`Dimension`] | value that passes; may be repeated |
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        zone_default: &str,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let request = Self {
            selection: Selection::read(&mut reader, MustHaveType::No),
            range: Ranges::read(&mut reader, zone_default, now),
            sort: SortBy::read(&mut reader),
            page: reader.page(),
        };
        reader.nothing_else();
        reader.no_faults()?;
        Ok(request)
    }

    /// The range that it is about.
    #[must_use]
    pub const fn range(&self) -> Ranges {
        self.range
    }
}
