//! Which measurements a question is about.

use serde::Serialize;

use super::dimension::{Dimension, Filters, Slices, read_group};
use super::grain::Grain;
use super::parameters::{Parameters, one_of};
use crate::domain::beacon::{METRIC_TYPES, VITALS, VITALS_TYPE};
use crate::domain::field_error::FieldFault;

/// Which events, and how they are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Selection {
    /// Types of metrics; never empty.
    pub(super) types: Vec<&'static str>,
    pub(super) filters: Filters,
    pub(super) group_by: Option<Dimension>,
}

impl Selection {
    /// Reads `type`, `group_by` and all filters. Without `type` it is about all types, unless one `must` be given.
    pub(super) fn read(reader: &mut Parameters, must: MustHaveType) -> Self {
        Self {
            types: read_types(reader, must),
            group_by: read_group(reader),
            filters: Filters::read(reader),
        }
    }

    /// All events of some types.
    pub(super) fn of_types(types: Vec<&'static str>) -> Self {
        Self {
            types,
            filters: Filters::default(),
            group_by: None,
        }
    }

    /// The same events, not told apart by group.
    pub(super) fn without_group(&self) -> Self {
        Self {
            group_by: None,
            ..self.clone()
        }
    }

    /// Whether metrics of this name pass; those without one do when no name is asked for.
    pub(super) fn asks_for_name(&self, name: &str) -> bool {
        let names = self.filters.values(Dimension::Name);
        names.is_none_or(|names| names.iter().any(|asked| asked == name))
    }

    /// Slices that answer; `None` when only raw rows do.
    pub(super) fn slices(&self) -> Option<Slices> {
        let only_vitals = self.types.iter().all(|kind| *kind == VITALS_TYPE);
        Slices::of(&self.filters, self.group_by, only_vitals)
    }

    /// The tables that answer, the coarsest first; the last one is always that of raw rows.
    pub(super) fn grains(&self) -> Vec<Grain> {
        let slices = self.slices();
        let answers =
            |grain: &Grain| *grain == Grain::Raw || slices.is_some_and(|slices| *grain >= slices.finest);
        Grain::FROM_COARSE.into_iter().filter(answers).collect()
    }

    /// Most pairs of type and name.
    pub(super) fn kinds_max(&self) -> usize {
        let names = match self.filters.values(Dimension::Name) {
            Some(names) => names.len(),
            None => VITALS.len() + 1,
        };
        let kinds = self.types.iter();
        kinds
            .map(|kind| if *kind == VITALS_TYPE { names } else { 1 })
            .sum()
    }
}

/// Whether a question must say which types it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MustHaveType {
    Yes,
    No,
}

fn read_types(reader: &mut Parameters, must: MustHaveType) -> Vec<&'static str> {
    let mut types = Vec::new();
    let sent = reader.all("type");
    if sent.is_empty() {
        match must {
            MustHaveType::Yes => reader.fault("type", FieldFault::Missing, one_of(METRIC_TYPES)),
            MustHaveType::No => types.extend(METRIC_TYPES),
        }
    }
    for value in sent {
        match METRIC_TYPES.into_iter().find(|known| *known == value) {
            Some(known) if types.contains(&known) => {}
            Some(known) => types.push(known),
            None => reader.fault("type", FieldFault::UnknownValue, one_of(METRIC_TYPES)),
        }
    }
    types.sort_unstable();
    types
}
