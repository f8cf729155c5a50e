//! What it costs a beacon that the tap looks at it, by how many rules its project has.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fresnel::config::IngestConfig;
use fresnel::domain::account::ProjectId;
use fresnel::domain::beacon::{Beacon, Detail, Kind, Metric};
use fresnel::domain::enrichment::Enrichment;
use fresnel::domain::rule::Rule;
use fresnel::ingest::decode::{ShapeLimits, decode};
use fresnel::ingest::validate::{Arrival, Rules, validate};
use fresnel::tap::{Tap, TapPicture};
use serde_json::json;

/// 2026-11-22T09:30:01Z, a second after the beacon's own time.
const RECEIVED_AT_MS: i64 = 1_795_339_801_000;

const METRIC: &str = r#"{"type":"api_response_time","value":184.25,"timestamp":"2026-11-22T09:30:00.000Z","session_id":"s-1",
"metadata":{"api_endpoint":"/api/effects/render","method":"POST","status":200}}"#;

fn beacon() -> Beacon<'static> {
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
    let value = decode(METRIC.as_bytes(), &shape).expect("the sample is JSON");
    validate(Kind::Metric, value, Arrival::at(RECEIVED_AT_MS), &rules).expect("the sample is valid")
}

fn metric<'b>(beacon: &'b Beacon<'static>) -> &'b Metric<'static> {
    match &beacon.detail {
        Detail::Metric(metric) => metric,
        _ => panic!("the sample is a metric"),
    }
}

/// Rules about the beacon's type of metric, all with the same threshold.
fn rules(count: usize, critical_ms: f64) -> Vec<Rule> {
    let rule = |number: usize| Rule {
        id: uuid::Uuid::now_v7(),
        project_id: ProjectId::parse("project_id", "default").expect("an id"),
        definition: serde_json::from_value(json!({
            "name": format!("rule {number}"),
            "watch": {"kind": "single", "type": "api_response_time", "group_by": ["api_endpoint"],
                "filters": {"method": ["POST"]}},
            "thresholds": {"critical": critical_ms},
        }))
        .expect("a rule"),
        created_at_ms: 0,
        updated_at_ms: 0,
        revision: 1,
    };
    (0..count).map(rule).collect()
}

fn looks(criterion: &mut Criterion) {
    let (beacon, enrichment) = (beacon(), Enrichment::default());
    let metric = metric(&beacon);
    let mut group = criterion.benchmark_group("tap");
    for count in [0, 1, 10, 100, 1_000] {
        let (tap, _seen) = Tap::new();
        tap.show(TapPicture::new(&rules(count, 5_000.0)));
        group.bench_function(BenchmarkId::new("nothing is crossed", count), |bencher| {
            bencher.iter(|| tap.metric("default", black_box(metric), &enrichment));
        });
    }
    // A storm: each beacon crosses, and nobody takes what is seen, so that the queue stays full.
    let (tap, _seen) = Tap::new();
    tap.show(TapPicture::new(&rules(1, 100.0)));
    group.bench_function("crossed, the queue full", |bencher| {
        bencher.iter(|| tap.metric("default", black_box(metric), &enrichment));
    });
    group.finish();
}

criterion_group!(benches, looks);
criterion_main!(benches);
