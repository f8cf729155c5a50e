//! What is asked, and how it is read from a query string.

use std::borrow::Cow;

use serde::Serialize;

use super::super::dimension::{Dimension, Filters, read_group};
use super::super::parameters::{Parameters, one_of};
use super::super::range::Ranges;
use super::super::selection::Selection;
use crate::clock::UnixMicros;
use crate::domain::beacon::{VITALS, VITALS_TYPE};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::PageRequest;

/// What beside range, dimensions and page is asked for; [`VitalsRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct VitalsParameters {
    /// `previous`: also the time before, of the same length; or `none`.
    #[param(default = "none", pattern = "^(previous|none)$")]
    compare: Option<String>,
    /// `count`, or a vital, whose worst values then come first.
    #[param(default = "count", pattern = "^(count|LCP|INP|CLS|FCP|TTFB)$")]
    sort: Option<String>,
}

/// A question for web vitals.
#[derive(Clone, Debug, Serialize)]
pub struct VitalsRequest {
    pub(super) selection: Selection,
    pub(super) range: Ranges,
    /// Vital whose worst values come first; most events first without one.
    pub(super) sort_by: Option<&'static str>,
    pub(super) page: PageRequest,
}

impl VitalsRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `from`, `to`, `timezone`, `compare` | as for the performance dashboard |
    /// | `group_by` | one of [`Dimension::GROUPS`]; `page` unless given |
    /// | `sort` | `count`, or a vital, whose worst values then come first |
    /// | `page_number`, `page_size` | page of the list of groups |
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
            selection: Selection {
                types: vec![VITALS_TYPE],
                group_by: read_group(&mut reader).or(Some(Dimension::Page)),
                filters: Filters::read(&mut reader),
            },
            range: Ranges::read(&mut reader, zone_default, now),
            sort_by: read_sort(&mut reader),
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

fn read_sort(reader: &mut Parameters) -> Option<&'static str> {
    let sent = reader.one("sort").filter(|sent| sent != "count")?;
    let known = VITALS.into_iter().find(|name| *name == sent);
    if known.is_none() {
        let [lcp, inp, cls, fcp, ttfb] = VITALS;
        let message = one_of(["count", lcp, inp, cls, fcp, ttfb]);
        reader.fault("sort", FieldFault::UnknownValue, message);
    }
    known
}
