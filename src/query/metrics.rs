//! Questions about measurements, from one description to one statement.
//!
//! ```text
//! Selection (types, filters, group) ─┐
//! Grid (buckets) or Range ───────────┼─► Plan (pieces of tables) ─► Statement ─► StatRow ─► Stats
//! Kept (retention) ──────────────────┘
//! ```
//!
//! - Slices hold one dimension at a time, so they answer what is filtered and grouped by at most one (and by
//!   environment, and for vitals by name). Everything else is counted from raw rows.
//! - Each piece of a plan gives the same columns, with mergeable states: raw rows are made into states by the same
//!   functions as the views make them, so pieces of all tables can be added up.
//! - Counts and sums are exact in each, percentiles are within one percentile rank.
//! - Every event counts as many times as its `sample_weight` says.

mod sort;
mod statement;
#[cfg(test)]
mod tests;

use super::grain::{Grain, Kept};
use super::grid::Grid;
use super::pieces::{Part, cover, cover_buckets};
use super::range::Range;
use super::selection::Selection;

pub(super) use sort::SortBy;

/// Group of everything that is not among the groups shown.
pub(super) const OTHER_GROUP: &str = "__other__";

/// How a question is answered.
#[derive(Clone, Debug)]
pub(super) struct Plan<'q> {
    selection: &'q Selection,
    /// The finest table that is read.
    pub(super) source: Grain,
    /// Time before which that table has forgotten what it had, if that is in the range; seconds.
    pub(super) kept_from: Option<i64>,
    parts: Vec<Part>,
    /// The same range in coarser pieces, for what needs no buckets.
    whole: Vec<Part>,
    grid: Option<&'q Grid>,
    /// False: rows have no percentiles, and no state of them is read.
    has_percentiles: bool,
}

impl<'q> Plan<'q> {
    /// One answer for each bucket: from the coarsest table that has bounds wherever the buckets have, and from coarser ones
    /// where these lie within buckets.
    pub(super) fn series(selection: &'q Selection, grid: &'q Grid, kept: &Kept) -> Self {
        let fitting = selection.grains().into_iter();
        let fitting: Vec<_> = fitting.filter(|grain| grid.fits(grain.seconds())).collect();
        let (from, to) = (grid.from(), grid.to());
        let source = kept.pick(from, fitting).unwrap_or(Grain::Raw);
        let remember = |grain: &Grain| kept.from(*grain) <= kept.from(source);
        let grains = selection.grains().into_iter();
        let grains: Vec<_> = grains
            .filter(|grain| *grain >= source && remember(grain))
            .collect();
        let pieces = cover_buckets(grid, &grains).into_iter();
        Self {
            selection,
            source,
            kept_from: Some(kept.from(source)).filter(|kept_from| *kept_from > from),
            parts: pieces.map(|piece| Part { period: 0, piece }).collect(),
            whole: parts(0, Range { from, to }, selection, kept),
            grid: Some(grid),
            has_percentiles: true,
        }
    }

    /// The same without percentiles, whose states take most of the time.
    pub(super) const fn without_percentiles(mut self) -> Self {
        self.has_percentiles = false;
        self
    }

    /// One answer for each of some ranges. Rows say by their number in `bucket_start` which one they are about;
    /// the first one counts for everything else.
    pub(super) fn totals(selection: &'q Selection, ranges: &[Range], kept: &Kept) -> Self {
        let all: Vec<Part> = (0..)
            .zip(ranges)
            .flat_map(|(period, range)| parts(period, *range, selection, kept))
            .collect();
        let whole: Vec<Part> = all.iter().copied().filter(|part| part.period == 0).collect();
        let source = whole
            .iter()
            .map(|part| part.piece.grain)
            .min()
            .unwrap_or(Grain::Raw);
        let first = whole
            .iter()
            .min_by_key(|part| part.piece.from)
            .map(|part| part.piece);
        let forgotten = first.filter(|first| kept.from(first.grain) > first.from);
        Self {
            selection,
            source,
            kept_from: forgotten.map(|first| kept.from(first.grain)),
            parts: all,
            whole,
            grid: None,
            has_percentiles: true,
        }
    }
}

/// Pieces of a range; tables that have forgotten part of it are left out where a coarser one has it.
fn parts(period: i64, range: Range, selection: &Selection, kept: &Kept) -> Vec<Part> {
    let Range { from, to } = range;
    let grains = selection.grains();
    let having: Vec<_> = grains
        .iter()
        .copied()
        .filter(|grain| kept.from(*grain) <= from)
        .collect();
    let fits = |grain: &Grain| from % grain.seconds() == 0 && to % grain.seconds() == 0;
    let pieces = match having.last() {
        Some(finest) if fits(finest) => cover(from, to, &having),
        _ => cover(from, to, &grains),
    };
    pieces.into_iter().map(|piece| Part { period, piece }).collect()
}
