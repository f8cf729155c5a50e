//! Reads rules out of bodies.

use crate::api::body::Fields;
use crate::domain::account::Name;
use crate::domain::dashboard::{Link, Note};
use crate::domain::field_error::FieldError;
use crate::domain::rule::{
    CacheWatch, EventsWatch, LedgerWatch, MetricWatch, NoData, RuleDefinition, SingleWatch, VendorWatch,
    Watch,
};

const KINDS: &str = "single, metric, events, cache_hit_rate, memory, ledger, vendor";

/// A rule that stands in a file, as JSON; it is judged as one that is posted.
///
/// # Errors
/// Everything that is wrong with it.
pub fn declared_rule(json: &[u8]) -> Result<RuleDefinition, Vec<FieldError>> {
    let mut fields = Fields::declared(json)?;
    let definition = new(&mut fields);
    fields.finish_declared(definition)
}

/// A new rule. Everything that is wrong with it is noted in `fields`.
pub(in crate::api) fn new(fields: &mut Fields<'_>) -> Option<RuleDefinition> {
    let name = fields.parsed("name", Name::parse);
    let name = fields.require("name", name);
    let watch = watch(fields);
    let watch = fields.require("watch", watch);
    let thresholds = fields.typed("thresholds");
    let thresholds = fields.require("thresholds", thresholds);
    let begun = name
        .zip(watch)
        .zip(thresholds)
        .map(|((name, watch), thresholds)| RuleDefinition {
            name,
            description: None,
            runbook_url: None,
            is_enabled: true,
            watch,
            thresholds,
            for_ms: 0,
            keep_firing_for_ms: None,
            no_data: NoData::default(),
        });
    match begun {
        Some(begun) => Some(with_others(fields, begun)),
        None => {
            Others::read(fields);
            None
        }
    }
}

/// A rule with what is changed of it; what is left out stays. Everything that is wrong is noted in `fields`.
pub(super) fn changed(fields: &mut Fields<'_>, known: RuleDefinition) -> RuleDefinition {
    let changed = RuleDefinition {
        name: fields.parsed("name", Name::parse).unwrap_or(known.name),
        watch: watch(fields).unwrap_or(known.watch),
        thresholds: fields.typed("thresholds").unwrap_or(known.thresholds),
        ..known
    };
    with_others(fields, changed)
}

/// What a rule need not say.
struct Others {
    description: Option<Option<Note>>,
    runbook_url: Option<Option<Link>>,
    is_enabled: Option<bool>,
    for_ms: Option<i64>,
    keep_firing_for_ms: Option<Option<i64>>,
    no_data: Option<NoData>,
}

impl Others {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            description: fields.parsed_or_null("description", Note::parse),
            runbook_url: fields.parsed_or_null("runbook_url", Link::parse),
            is_enabled: fields.flag("is_enabled"),
            for_ms: fields.whole("for_ms"),
            keep_firing_for_ms: fields.whole_or_null("keep_firing_for_ms"),
            no_data: fields.typed("no_data"),
        }
    }
}

fn with_others(fields: &mut Fields<'_>, known: RuleDefinition) -> RuleDefinition {
    let others = Others::read(fields);
    let definition = RuleDefinition {
        description: others.description.unwrap_or(known.description),
        runbook_url: others.runbook_url.unwrap_or(known.runbook_url),
        is_enabled: others.is_enabled.unwrap_or(known.is_enabled),
        for_ms: others.for_ms.unwrap_or(known.for_ms),
        keep_firing_for_ms: others.keep_firing_for_ms.unwrap_or(known.keep_firing_for_ms),
        no_data: others.no_data.unwrap_or(known.no_data),
        ..known
    };
    definition
        .faults()
        .into_iter()
        .for_each(|fault| fields.note(fault));
    definition
}

/// What is looked at. It is read by its `kind` here, since serde tells no places within what it must read twice.
fn watch(fields: &mut Fields<'_>) -> Option<Watch> {
    let watch = fields.object("watch", |watch| {
        let kind = watch.text("kind");
        let Some(kind) = watch.require("kind", kind) else {
            watch.pass_over();
            return None;
        };
        match kind.as_ref() {
            "single" => watch.rest::<SingleWatch>().map(Watch::Single),
            "metric" => watch.rest::<MetricWatch>().map(Watch::Metric),
            "events" => watch.rest::<EventsWatch>().map(Watch::Events),
            "cache_hit_rate" => watch.rest::<CacheWatch>().map(Watch::CacheHitRate),
            "memory" => Some(Watch::Memory),
            "ledger" => watch.rest::<LedgerWatch>().map(Watch::Ledger),
            "vendor" => watch.rest::<VendorWatch>().map(Watch::Vendor),
            _ => {
                watch.pass_over();
                watch.unknown("kind", KINDS)
            }
        }
    });
    watch.flatten()
}
