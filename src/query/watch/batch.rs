//! Which rules one statement answers.

use std::collections::{BTreeMap, HashMap};

use super::field::Field;
use super::window::Window;
use super::{GROUPS_MAX, Watched};
use crate::clock::UnixMicros;
use crate::domain::rule::{Aggregate, CountedBeacon, Dimension, Direction, Level, Rule, Watch, WatchFilters};
use crate::domain::table::Table;

/// Most subjects of one statement.
const SUBJECTS_MAX: usize = 500;
/// Most bytes of what one statement binds for its subjects; ClickHouse takes 128 KiB for each parameter.
const BYTES_MAX: usize = 120_000;
/// Bytes that a bound text has around it, and the number before it.
const BYTES_AROUND: usize = 12;

/// What is looked for in the rows of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Look {
    /// Aggregates of a window.
    Window(Window),
    /// The greatest single value, of what is too great.
    Greatest,
    /// The least single value, of what is too small.
    Least,
}

impl Look {
    /// Most groups of a rule that are told apart. Of single values whoever asks goes on behind what was looked at: what is left out
    /// is never found, so they are as many as a rule may know.
    pub(super) const fn groups_max(self) -> usize {
        match self {
            Self::Window(_) => GROUPS_MAX,
            Self::Greatest | Self::Least => Rule::GROUPS_MAX,
        }
    }
}

/// What the rules of a statement have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Shape {
    pub(super) table: Table,
    pub(super) look: Look,
    /// What rules filter by, in order.
    pub(super) filtered: Vec<Field>,
    /// What they tell groups apart by, in their order.
    pub(super) group_by: Vec<Dimension>,
}

impl Shape {
    /// What cells are told apart by: each field once.
    pub(super) fn fields(&self) -> Vec<Field> {
        let groups = self.group_by.iter().map(|dimension| Field::Of(*dimension));
        let mut fields: Vec<Field> = self.filtered.iter().copied().chain(groups).collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }
}

/// Which rows of a shape a rule looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Subject<'a> {
    pub(super) project_id: &'a str,
    /// Values that pass, for each field of the shape that is filtered.
    pub(super) passing: BTreeMap<Field, Vec<&'a str>>,
    /// Single values: beyond this, as the bits of a number, and received from this time on, in milliseconds since 1970.
    pub(super) beyond: Option<(u64, i64)>,
}

impl Subject<'_> {
    /// Bytes that it takes among the parameters, at most.
    fn bytes(&self) -> usize {
        let values = self.passing.values().flatten();
        let texts = values.chain(std::iter::once(&self.project_id));
        // A character may be escaped by another one.
        texts.map(|text| 2 * text.len() + BYTES_AROUND).sum()
    }
}

/// Rules that one statement answers.
#[derive(Clone, Debug)]
pub(super) struct Batch<'a> {
    pub(super) shape: Shape,
    pub(super) subjects: Vec<Subject<'a>>,
    /// Number of each rule among all, and of its subject within the batch.
    pub(super) rules: Vec<(usize, usize)>,
    /// Whether one of the rules needs percentiles.
    pub(super) has_percentiles: bool,
}

impl<'a> Batch<'a> {
    const fn new(shape: Shape) -> Self {
        Self {
            shape,
            subjects: Vec::new(),
            rules: Vec::new(),
            has_percentiles: false,
        }
    }

    /// The same in parts of one project each.
    pub(super) fn by_project(&self) -> Vec<Self> {
        let mut parts: BTreeMap<&str, Self> = BTreeMap::new();
        for (rule, subject) in &self.rules {
            let Some(subject) = self.subjects.get(*subject) else {
                continue;
            };
            let part = parts.entry(subject.project_id).or_insert_with(|| Self {
                has_percentiles: self.has_percentiles,
                ..Self::new(self.shape.clone())
            });
            let known = part.subjects.iter().position(|known| known == subject);
            let place = known.unwrap_or(part.subjects.len());
            if known.is_none() {
                part.subjects.push(subject.clone());
            }
            part.rules.push((*rule, place));
        }
        parts.into_values().collect()
    }
}

/// The statements to ask, and the numbers of the rules that bind more than a statement takes.
#[derive(Debug, Default)]
pub(super) struct Batches<'a> {
    pub(super) batches: Vec<Batch<'a>>,
    pub(super) too_large: Vec<usize>,
}

impl<'a> Batches<'a> {
    /// Puts rules together. What is not about rows is left out.
    pub(super) fn of(rules: &[Watched<'a>], now: UnixMicros) -> Self {
        let mut shaped: Vec<(Shape, Subject<'a>, usize)> = (0..)
            .zip(rules)
            .filter_map(|(number, rule)| {
                let (shape, subject) = shape_of(rule, now)?;
                Some((shape, subject, number))
            })
            .collect();
        // Rules of a project stand beside each other, so that few projects share a statement.
        shaped.sort_unstable();
        let mut all = Self::default();
        let mut known: HashMap<Subject<'a>, usize> = HashMap::new();
        let mut bytes = 0;
        for (shape, subject, number) in shaped {
            let more = subject.bytes();
            if more > BYTES_MAX {
                all.too_large.push(number);
                continue;
            }
            let fits = all.batches.last().is_some_and(|batch| {
                let has_room = batch.subjects.len() < SUBJECTS_MAX && bytes + more <= BYTES_MAX;
                batch.shape == shape && (has_room || known.contains_key(&subject))
            });
            if !fits {
                known.clear();
                bytes = 0;
                all.batches.push(Batch::new(shape));
            }
            if let Some(batch) = all.batches.last_mut() {
                let place = *known.entry(subject).or_insert_with_key(|subject| {
                    bytes += more;
                    batch.subjects.push(subject.clone());
                    batch.subjects.len() - 1
                });
                batch.rules.push((number, place));
                batch.has_percentiles |= rules
                    .get(number)
                    .is_some_and(|rule| needs_percentiles(rule.watch));
            }
        }
        all
    }
}

/// Whether a rule is about percentiles, whose states cost the most.
pub(super) const fn needs_percentiles(watch: &Watch) -> bool {
    use Aggregate::{P50, P75, P90, P95, P99};
    matches!(watch, Watch::Metric(watch) if matches!(watch.aggregate, P50 | P75 | P90 | P95 | P99))
}

/// What a rule has in common with others, and what it has not; `None` for what is not about rows, or looks for nothing.
pub(super) fn shape_of<'a>(rule: &Watched<'a>, now: UnixMicros) -> Option<(Shape, Subject<'a>)> {
    let kind = |kind: Option<&'a str>| kind.map(|kind| (Field::Kind, vec![kind]));
    let vital = |name: &'a Option<String>| name.as_deref().map(|name| (Field::Vital, vec![name]));
    let (table, look, kinds, filters, beyond) = match rule.watch {
        Watch::Metric(watch) => {
            let kinds = kind(watch.metric_type.as_deref())
                .into_iter()
                .chain(vital(&watch.name));
            let look = Look::Window(Window::new(watch.window_ms, now));
            (
                Table::PerformanceMetrics,
                look,
                kinds.collect(),
                &watch.filters,
                None,
            )
        }
        Watch::Events(watch) => {
            let names: Vec<&str> = watch.names.iter().map(String::as_str).collect();
            let names = Some(names).filter(|names| !names.is_empty());
            let kinds: Vec<_> = names.map(|names| (Field::Kind, names)).into_iter().collect();
            let look = Look::Window(Window::new(watch.window_ms, now));
            (table_of(watch.beacon), look, kinds, &watch.filters, None)
        }
        Watch::Single(watch) => {
            let kinds = kind(Some(watch.metric_type.as_str()))
                .into_iter()
                .chain(vital(&watch.name));
            let look = match rule.direction {
                Direction::Above => Look::Greatest,
                Direction::Below => Look::Least,
            };
            let lowest = Level::ALL
                .into_iter()
                .find_map(|level| rule.thresholds.of(level))?;
            let beyond = Some((lowest.to_bits(), rule.seen_from_ms));
            (
                Table::PerformanceMetrics,
                look,
                kinds.collect(),
                &watch.filters,
                beyond,
            )
        }
        Watch::CacheHitRate(_) | Watch::Memory | Watch::Ledger(_) | Watch::Vendor(_) => return None,
    };
    let WatchFilters(filters) = filters;
    let filters = filters.iter().map(|(dimension, values)| {
        let values = values.iter().map(String::as_str).collect();
        (Field::Of(*dimension), values)
    });
    let mut passing: BTreeMap<Field, Vec<&str>> = kinds.into_iter().chain(filters).collect();
    for values in passing.values_mut() {
        values.sort_unstable();
        values.dedup();
    }
    let shape = Shape {
        table,
        look,
        filtered: passing.keys().copied().collect(),
        group_by: rule.watch.group_by().to_vec(),
    };
    let subject = Subject {
        project_id: rule.project_id,
        passing,
        beyond,
    };
    Some((shape, subject))
}

const fn table_of(beacon: CountedBeacon) -> Table {
    match beacon {
        CountedBeacon::Event => Table::UserEvents,
        CountedBeacon::Funnel => Table::FunnelSteps,
        CountedBeacon::Alert => Table::ClientAlerts,
    }
}
