//! Random questions about random events, against a recount that is slow and obvious.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fresnel::clock::UnixMicros;
use fresnel::domain::account::Thresholds;
use fresnel::query::performance::{PerformanceRequest, performance};
use fresnel::query::timeseries::Stats;
use fresnel::query::vitals::{Vital, VitalsRequest, vitals};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::recount::check_stats;
use crate::rows::{Metric, NOON_MS};
use crate::{RETENTION, Stage};

/// Some days of each of three months, so that days, hours, minutes and raw rows all have something to answer.
const DAYS: i64 = 40;
const KINDS: [&str; 3] = ["page_load_time", "api_response_time", "core_web_vitals"];
const VITALS: [&str; 3] = ["LCP", "CLS", ""];
const PAGES: [&str; 4] = ["", "/a", "/b", "/c"];
const ENDPOINTS: [&str; 2] = ["/api/x", "/api/y"];
const REGIONS: [&str; 2] = ["eu", "us"];
const ENVIRONMENTS: [&str; 3] = ["production", "staging", ""];
const BROWSERS: [&str; 3] = ["Firefox", "Chrome", "Safari"];
const GROUPS: [&str; 5] = ["page", "api_endpoint", "region", "environment", "browser"];
const STATUSES: [&str; 2] = ["200", "503"];

/// Now, behind all events.
const NOW: UnixMicros = UnixMicros(NOON_MS * 1_000);

fn events(seed: u64, count: usize) -> Vec<Metric> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut any = |choices: &[&'static str]| choices[rng.random_range(0..choices.len())];
    let mut made: Vec<Metric> = (0..count)
        .map(|_| Metric {
            kind: any(&KINDS),
            page: any(&PAGES).to_owned(),
            api_endpoint: any(&ENDPOINTS).to_owned(),
            region: any(&REGIONS),
            environment: any(&ENVIRONMENTS),
            browser: any(&BROWSERS),
            status: any(&STATUSES).parse().expect("a status"),
            ..Metric::default()
        })
        .collect();
    for metric in &mut made {
        metric.ts_ms = NOON_MS - rng.random_range(1..DAYS * 86_400_000);
        metric.weight = [1, 1, 1, 3][rng.random_range(0..4)];
        metric.name = if metric.kind == "core_web_vitals" {
            VITALS[rng.random_range(0..3)]
        } else {
            ""
        };
        let tail: f64 = rng.random_range(0.0_f64..1.0).powi(3);
        metric.value = match metric.name {
            // Bounds of the ratings among them.
            "CLS" => (tail * 40.0).round() / 100.0,
            _ => (tail * 600.0).round() * 10.0,
        };
    }
    made
}

/// A question: the range in seconds before now, filters, a group.
#[derive(Clone, Debug)]
struct Question {
    kinds: Vec<&'static str>,
    from_s: i64,
    to_s: i64,
    filters: Vec<(&'static str, &'static str)>,
    group_by: Option<&'static str>,
}

fn filter() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop_oneof![
        prop::sample::select(&PAGES[1..]).prop_map(|value| ("page", value)),
        prop::sample::select(&ENDPOINTS[..]).prop_map(|value| ("api_endpoint", value)),
        prop::sample::select(&REGIONS[..]).prop_map(|value| ("region", value)),
        prop::sample::select(&ENVIRONMENTS[..2]).prop_map(|value| ("environment", value)),
        prop::sample::select(&BROWSERS[..]).prop_map(|value| ("browser", value)),
        prop::sample::select(&STATUSES[..]).prop_map(|value| ("status", value)),
        prop::sample::select(&VITALS[..2]).prop_map(|value| ("name", value)),
    ]
}

fn question() -> impl Strategy<Value = Question> {
    (
        prop::sample::subsequence(&KINDS[..], 1..=3),
        // Some ranges are whole days, some hours, some a minute and a few seconds.
        (
            1_i64..DAYS * 86_400,
            prop::sample::select(&[1_i64, 60, 3_600, 86_400][..]),
        ),
        1_i64..DAYS * 86_400,
        prop::collection::vec(filter(), 0..3),
        prop::option::of(prop::sample::select(&GROUPS[..])),
    )
        .prop_map(|(kinds, (length, unit), to_s, filters, group_by)| {
            let to_s = to_s / unit * unit;
            Question {
                kinds,
                from_s: to_s + (length / unit).max(1) * unit,
                to_s,
                filters,
                group_by,
            }
        })
}

impl Question {
    fn parameters(&self) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
        let time = |before_s: i64| {
            let time = jiff::Timestamp::from_second(NOON_MS / 1_000 - before_s).expect("a time");
            Cow::from(time.to_string())
        };
        let mut parameters = vec![
            (Cow::from("from"), time(self.from_s)),
            (Cow::from("to"), time(self.to_s)),
            (Cow::from("page_size"), Cow::from("500")),
        ];
        let filters = self.filters.iter();
        parameters.extend(filters.map(|(name, value)| (Cow::from(*name), Cow::from(*value))));
        parameters.extend(self.group_by.map(|name| (Cow::from("group_by"), Cow::from(name))));
        parameters
    }

    fn passes(&self, row: &Metric, from: i64, to: i64) -> bool {
        let second = row.ts_ms.div_euclid(1_000);
        if second < from || second >= to {
            return false;
        }
        let mut allowed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in &self.filters {
            allowed.entry(name).or_default().push(value);
        }
        allowed
            .iter()
            .all(|(name, values)| values.contains(&value_of(row, name).as_str()))
    }
}

fn value_of(row: &Metric, name: &str) -> String {
    match name {
        "page" => row.page.clone(),
        "api_endpoint" => row.api_endpoint.clone(),
        "region" => row.region.to_owned(),
        "environment" => row.environment.to_owned(),
        "browser" => row.browser.to_owned(),
        "status" => row.status.to_string(),
        _ => row.name.to_owned(),
    }
}

/// Groups of rows by type and vital, and by what the question is grouped by.
fn grouped<'r>(
    rows: &[&'r Metric],
    group_by: Option<&str>,
) -> BTreeMap<(String, String, String), Vec<&'r Metric>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows {
        let name = if row.kind == "core_web_vitals" {
            row.name
        } else {
            ""
        };
        let group = group_by.map_or_else(String::new, |by| value_of(row, by));
        let key = (group, row.kind.to_owned(), name.to_owned());
        groups.entry(key).or_default().push(*row);
    }
    groups
}

async fn check_performance(stage: &Stage, rows: &[Metric], question: &Question) {
    let mut parameters = question.parameters();
    parameters.extend(
        question
            .kinds
            .iter()
            .map(|kind| (Cow::from("type"), Cow::from(*kind))),
    );
    let request = PerformanceRequest::parse(parameters, "UTC", NOW).expect("a good question");
    let thresholds = Thresholds::default();
    let answer = performance(
        &stage.warehouse,
        &RETENTION,
        "default",
        &thresholds,
        &request,
        NOW,
    )
    .await
    .expect("an answer");
    let passing: Vec<&Metric> = rows
        .iter()
        .filter(|row| question.kinds.contains(&row.kind) && question.passes(row, answer.from, answer.to))
        .collect();
    let context = format!("{question:?}");
    let wanted = grouped(&passing, None);
    for metric in &answer.metrics {
        let key = (
            String::new(),
            metric.metric_type.clone(),
            metric.name.clone().unwrap_or_default(),
        );
        match wanted.get(&key) {
            Some(rows) => check_stats(&context, &metric.stats, rows),
            None => assert_eq!(metric.stats, Stats::default(), "{context}"),
        }
    }
    let told: u64 = answer.metrics.iter().map(|metric| metric.stats.count).sum();
    let all: u64 = passing.iter().map(|row| u64::from(row.weight)).sum();
    assert_eq!(told, all, "{context}");

    let Some(groups) = answer.groups else {
        assert_eq!(question.group_by, None);
        return;
    };
    let wanted = grouped(&passing, question.group_by);
    assert_eq!(groups.total, wanted.len() as u64, "{context}");
    assert_eq!(groups.items.len(), wanted.len(), "{context}");
    for group in &groups.items {
        let name = group.name.clone().unwrap_or_default();
        let key = (group.group.clone(), group.metric_type.clone(), name);
        check_stats(&context, &group.stats, &wanted[&key]);
    }
}

async fn check_vitals(stage: &Stage, rows: &[Metric], question: &Question) {
    let request = VitalsRequest::parse(question.parameters(), "UTC", NOW).expect("a good question");
    let answer = vitals(&stage.warehouse, &RETENTION, "default", &request, NOW)
        .await
        .expect("an answer");
    let passing: Vec<&Metric> = rows
        .iter()
        .filter(|row| row.kind == "core_web_vitals" && question.passes(row, answer.from, answer.to))
        .collect();
    let context = format!("{question:?}");
    for vital in &answer.vitals {
        check_vital(&context, vital, &passing);
    }
    let by = question.group_by.unwrap_or("page");
    let mut wanted: BTreeMap<String, Vec<&Metric>> = BTreeMap::new();
    for row in &passing {
        wanted.entry(value_of(row, by)).or_default().push(row);
    }
    assert_eq!(answer.groups.total, wanted.len() as u64, "{context}");
    for group in &answer.groups.items {
        for vital in &group.vitals {
            check_vital(&context, vital, &wanted[&group.group]);
        }
    }
    let unnamed: u64 = passing
        .iter()
        .filter(|row| row.name.is_empty())
        .map(|row| u64::from(row.weight))
        .sum();
    assert_eq!(answer.unnamed, unnamed, "{context}");
}

fn check_vital(context: &str, vital: &Vital, rows: &[&Metric]) {
    let of_name: Vec<_> = rows.iter().filter(|row| row.name == vital.name).collect();
    let weight = |rows: &mut dyn Iterator<Item = &Metric>| rows.map(|row| u64::from(row.weight)).sum::<u64>();
    let count = weight(&mut of_name.iter().map(|row| **row));
    assert_eq!(vital.count, count, "{context}");
    if count == 0 {
        assert_eq!(
            (vital.p75, vital.rating, vital.good_share),
            (None, None, None),
            "{context}"
        );
        return;
    }
    let (good, poor) = match vital.name {
        "LCP" => (2_500.0, 4_000.0),
        _ => (0.1, 0.25),
    };
    let share = |is_in: &dyn Fn(f64) -> bool| {
        let found = weight(&mut of_name.iter().map(|row| **row).filter(|row| is_in(row.value)));
        Some(found as f64 / count as f64)
    };
    assert_eq!(vital.good_share, share(&|value| value <= good), "{context}");
    assert_eq!(vital.poor_share, share(&|value| value > poor), "{context}");
    assert_eq!(
        vital.needs_improvement_share,
        share(&|value| value > good && value <= poor),
        "{context}"
    );
}

#[test]
fn random_questions_about_random_events_are_answered_as_a_recount_answers_them() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (stage, rows) = runtime.block_on(async {
        let mut stage = Stage::set().await;
        let rows = events(7, 6_000);
        for batch in rows.chunks(1_500) {
            stage.insert(batch).await;
        }
        (stage, rows)
    });
    let config = Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&question(), |question| {
            runtime.block_on(async {
                check_performance(&stage, &rows, &question).await;
                check_vitals(&stage, &rows, &question).await;
            });
            Ok(())
        })
        .expect("every question");
}
