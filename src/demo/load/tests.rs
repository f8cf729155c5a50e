use std::borrow::Cow;
use std::collections::HashSet;

use super::block::Block;
use super::options::{BEACONS_PER_VISIT, LoadPlan};
use crate::config::IngestConfig;
use crate::demo::beacon::Post;
use crate::demo::catalogue::BROWSERS;
use crate::demo::journey::Visit;
use crate::domain::beacon::{Beacon, Kind};
use crate::domain::row_head::RowHead;
use crate::ingest::decode::{ShapeLimits, decode};
use crate::ingest::validate::{Arrival, Rules, validate};

/// 2026-11-22T09:30:00Z.
const UNTIL_MS: i64 = 1_795_339_800_000;

fn plan(events: u64) -> LoadPlan {
    LoadPlan::new(events, 30, UNTIL_MS, 1)
}

fn all_blocks(plan: &LoadPlan) -> Vec<Block> {
    let mut blocks: Vec<Block> = (0..plan.regular_blocks())
        .map(|number| Block::make(plan, number, u64::MAX))
        .collect();
    let mut rows: u64 = blocks.iter().map(Block::rows).sum();
    while rows < plan.events {
        let block = Block::make(plan, blocks.len() as u64, plan.events - rows);
        rows += block.rows();
        blocks.push(block);
    }
    blocks
}

#[test]
fn a_plan_makes_exactly_its_events_and_the_same_rows_each_time() {
    for events in [1, 100, 5_000, 60_000] {
        let plan = plan(events);
        let (blocks, again) = (all_blocks(&plan), all_blocks(&plan));
        assert_eq!(blocks.iter().map(Block::rows).sum::<u64>(), events);
        for (block, again) in blocks.iter().zip(&again) {
            for (rows, same) in block.tables.iter().zip(&again.tables) {
                assert_eq!(rows.payload, same.payload);
            }
        }
    }
}

#[test]
fn most_events_come_from_visits_that_are_spread_over_the_days() {
    let plan = plan(100_000);
    let regular: u64 = (0..plan.regular_blocks())
        .map(|number| Block::make(&plan, number, u64::MAX).rows())
        .sum();
    assert!((90_000..=100_000).contains(&regular), "{regular}");
}

#[test]
fn visits_have_as_many_beacons_as_plans_expect() {
    let plan = plan(1_000_000);
    let visits = 6_000;
    let beacons: usize = (0..visits)
        .map(|place| Visit::new(&plan.story, place * 5).beacons(&plan.story).len())
        .sum();
    let mean = beacons as f64 / visits as f64;
    assert!((mean / BEACONS_PER_VISIT - 1.0).abs() < 0.03, "{mean}");
}

#[test]
fn another_seed_time_or_number_has_other_tokens() {
    let names: HashSet<String> = [
        plan(1_000),
        plan(1_001),
        LoadPlan::new(1_000, 30, UNTIL_MS, 2),
        LoadPlan::new(1_000, 30, UNTIL_MS + 60_000, 1),
        LoadPlan::new(1_000, 29, UNTIL_MS, 1),
    ]
    .into_iter()
    .map(|plan| plan.name)
    .collect();
    assert_eq!(names.len(), 5);
}

#[test]
fn rows_begin_with_their_project_and_lie_in_the_time_of_the_plan() {
    let plan = plan(20_000);
    for block in all_blocks(&plan) {
        for rows in &block.tables {
            let head = RowHead::read(&rows.payload).unwrap();
            assert_eq!(head.project_id, "default");
            assert!(head.received_at_ms >= plan.story.begin_ms() && head.received_at_ms <= UNTIL_MS);
        }
    }
}

/// What ingestion would have made of the same beacon, posted.
fn ingested<'a>(kind: Kind, body: &'a str, received_at_ms: i64) -> Beacon<'a> {
    let config = IngestConfig::default();
    let shape = ShapeLimits {
        depth_max: config.depth_max,
        keys_max: config.keys_max,
    };
    let rules = Rules {
        funnel_steps: config.funnel_steps,
        event_types: config.event_types,
        text_chars_max: config.text_max_chars,
    };
    let value = decode(body.as_bytes(), &shape).unwrap();
    validate(kind, value, Arrival::at(received_at_ms), &rules).unwrap()
}

fn sorted(mut beacon: Beacon<'_>) -> Beacon<'_> {
    use crate::domain::beacon::Detail;
    let members = match &mut beacon.detail {
        Detail::Metric(metric) => &mut metric.metadata,
        Detail::Alert(alert) => &mut alert.user_context,
        Detail::Funnel(step) => &mut step.metadata,
        Detail::Event(event) => &mut event.event_data,
    };
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    beacon
}

#[test]
fn what_is_loaded_is_what_ingestion_makes_of_the_same_beacons_posted() {
    let plan = plan(1_000_000);
    let mut kinds = HashSet::new();
    for place in (0..30_000).step_by(50) {
        let visit = Visit::new(&plan.story, place);
        for beacon in visit.beacons(&plan.story) {
            let kind = beacon.detail.kind();
            kinds.insert(kind);
            let text = Post::new(&beacon, "").body.to_string();
            let mut posted = ingested(kind, &text, beacon.common.time.received_at_ms);
            // By its clock a client would be some milliseconds off.
            posted.common.time.client_ts_ms = beacon.common.time.client_ts_ms;
            assert_eq!(sorted(posted), sorted(beacon));
        }
    }
    assert_eq!(kinds.len(), Kind::ALL.len());
}

#[test]
fn every_visitor_has_a_browser_that_the_server_would_know() {
    let plan = plan(100_000);
    let names: HashSet<Cow<'_, str>> = (0..500)
        .map(|place| {
            let visit = Visit::new(&plan.story, place);
            let client = &visit.visitor.enrichment.client;
            assert_eq!(*client.browser, *visit.visitor.browser.family);
            assert_eq!(*client.os, *visit.visitor.browser.os);
            assert_eq!(client.device.as_str(), visit.visitor.browser.device_type);
            Cow::Owned(client.browser.to_string())
        })
        .collect();
    assert_eq!(names.len(), BROWSERS.len());
}
