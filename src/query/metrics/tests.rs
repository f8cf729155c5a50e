//! Plans to statements.

use std::borrow::Cow;
use std::fmt::Write as _;

use insta::assert_snapshot;

use super::super::grain::{Grain, Kept};
use super::super::parameters::Parameters;
use super::super::range::Ranges;
use super::super::selection::{MustHaveType, Selection};
use super::{Plan, SortBy};
use crate::clock::UnixMicros;
use crate::domain::page::PageRequest;
use crate::warehouse::{Retention, Statement};

/// 2026-07-15T12:00:00Z
const NOW: UnixMicros = UnixMicros(1_784_116_800_000_000);

const KEPT: Kept = Kept::new(
    Retention {
        raw_days: 90,
        minute_days: 30,
        hour_days: 730,
    },
    NOW,
);

fn read(query: &str) -> (Selection, Ranges) {
    let pairs = query.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (Cow::from(name), Cow::from(value))
    });
    let mut reader = Parameters::new(pairs);
    let selection = Selection::read(&mut reader, MustHaveType::No);
    let range = Ranges::read(&mut reader, "UTC", NOW);
    reader.nothing_else();
    reader.no_faults().unwrap();
    (selection, range)
}

fn shown(statement: &Statement) -> String {
    let mut text = format!("{}\n", statement.sql());
    for (name, value) in statement.parameters() {
        let _ = write!(text, "\n{name} = {}", serde_json::to_string(value).unwrap());
    }
    text
}

/// The finest table that answers, and the time before which it knows nothing.
fn source(query: &str) -> (Grain, Option<i64>) {
    let (selection, range) = read(query);
    let plan = Plan::totals(&selection, &range.all(), &KEPT);
    (plan.source, plan.kept_from)
}

#[test]
fn totals_of_some_days_and_the_time_before_are_pieces_of_spans_hours_and_quarters() {
    let (selection, range) =
        read("type=page_load_time&compare=previous&from=2026-07-12T22:30:00Z&to=2026-07-15T01:15:00Z");
    let plan = Plan::totals(&selection, &range.all(), &KEPT);
    assert_snapshot!(shown(&plan.statement("fresnel", "default", 0, 100)));
}

#[test]
fn a_list_by_browser_takes_its_edges_from_raw_rows() {
    let (selection, range) =
        read("group_by=browser&environment=production&from=2026-07-15T08:30:00Z&to=2026-07-15T12:00:00Z");
    let plan = Plan::totals(&selection, &range.all(), &KEPT);
    let page = PageRequest::new(2, 25);
    assert_snapshot!(shown(&plan.list("fresnel", "default", SortBy::P95, page)));
}

#[test]
fn members_come_by_their_worst_vital_with_all_their_vitals() {
    let (selection, range) = read("type=core_web_vitals&group_by=page&from=2026-07-01&to=2026-07-08");
    let plan = Plan::totals(&selection, &range.all(), &KEPT);
    let page = PageRequest::new(1, 10);
    let members = plan.members("fresnel", "default", Some("LCP"), page);
    assert_snapshot!(shown(&members));
}

#[test]
fn a_total_reads_what_is_still_kept_and_says_what_is_not() {
    assert_eq!(source("from=2026-07-01&to=2026-07-08"), (Grain::Day, None));
    assert_eq!(
        source("from=2026-07-15T10:00:00Z&to=2026-07-15T12:00:00Z"),
        (Grain::Hour, None)
    );
    assert_eq!(source("from=2026-07-15T10:07:00Z").0, Grain::Minute);
    assert_eq!(source("from=2026-07-15T10:07:00Z&device=mobile").0, Grain::Raw);
    // Two dimensions at once are counted from raw rows, whatever the range.
    assert_eq!(
        source("from=2026-07-01&to=2026-07-08&device=mobile&page=/a"),
        (Grain::Raw, None)
    );
    // Raw rows are kept for 90 days, hours and days for two years.
    assert_eq!(
        source("from=2025-01-01&to=2025-12-01&device=mobile"),
        (Grain::Day, None)
    );
    let forgotten = source("from=2026-01-01&to=2026-07-08&method=GET");
    assert_eq!(
        forgotten,
        (Grain::Raw, Some(NOW.as_millis() / 1_000 - 90 * 86_400))
    );
}
