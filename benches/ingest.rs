//! The steps of one beacon between the HTTP request and the log: parse, validate, encode.

use std::hint::black_box;
use std::io::Write as _;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flate2::Compression;
use flate2::write::GzEncoder;
use fresnel::config::IngestConfig;
use fresnel::domain::beacon::{Beacon, Kind};
use fresnel::domain::enrichment::Enrichment;
use fresnel::domain::json::Value;
use fresnel::ingest::decode::{ShapeLimits, decode};
use fresnel::ingest::encode::encode;
use fresnel::ingest::inflate::{Encoding, inflate};
use fresnel::ingest::validate::{Arrival, Rules, validate};

/// 2026-11-22T09:30:01Z, a second after the beacons' own time.
const RECEIVED_AT_MS: i64 = 1_795_339_801_000;

const METRIC: &str = r#"{"event_id":"5f0c7a34-5b0e-4a53-9c37-0d9c4a4f7a11","type":"api_response_time","value":184.25,
"timestamp":"2026-11-22T09:30:00.000Z","session_id":"s-2f9c01b2a77de410","user_id":"u-4711","metadata":{
"page":"/effects/oil-painting","api_endpoint":"/api/effects/render","method":"POST","status":200,"region":"eu-central",
"release":"2.5.0","environment":"production","viewport":"1920x1080","connection":"4g","language":"en-GB","build":41877,
"referrer":"https://www.example.com/search?q=effects"}}"#;
const VITAL: &str = r#"{"event_id":"7d3a2b80-2d5c-4c8e-8f0a-b9a5f5ce0c52","type":"core_web_vitals","value":0,
"timestamp":"2026-11-22T09:30:00.000Z","session_id":"s-2f9c01b2a77de410","metadata":{"name":"CLS","rating":"good",
"navigation_type":"navigate","page":"/editor","region":"us-east","release":"2.5.0","environment":"production",
"viewport":"390x844","connection":"wifi"}}"#;
const FUNNEL_STEP: &str = r#"{"event_id":"e0b7ff39-97cc-4f6b-8c52-0a3f3e6f2a90","step":"image_uploaded",
"effect_id":"oil-painting","timestamp":"2026-11-22T09:30:00.000Z","session_id":"s-2f9c01b2a77de410","metadata":{
"page":"/editor","variant":"b","attempt":1,"viewport":"1440x900","language":"de-DE"}}"#;
const EVENT: &str = r#"{"event_id":"0a96a6a0-57c5-4a14-a0b9-6a3a6f9b63b5","event_type":"error_occurrence",
"timestamp":"2026-11-22T09:30:00.000Z","session_id":"s-2f9c01b2a77de410","event_data":{"name":"TypeError",
"message":"Cannot read properties of undefined (reading 'width')","page":"/editor","stack":["draw","paint","frame"]}}"#;
const ALERT: &str = r#"{"event_id":"31e0d5a1-7f1d-4c0a-9a0f-86a1c0f2f7cc","severity":"critical",
"metric":"api_response_time","threshold":5000,"actual_value":7312.5,"timestamp":"2026-11-22T09:30:00.000Z",
"session_id":"s-2f9c01b2a77de410","user_context":{"browser":"Chrome 142","device_type":"desktop"}}"#;

const SAMPLES: [(&str, Kind, &str); 5] = [
    ("metric", Kind::Metric, METRIC),
    ("vital", Kind::Metric, VITAL),
    ("funnel step", Kind::Funnel, FUNNEL_STEP),
    ("event", Kind::Event, EVENT),
    ("alert", Kind::Alert, ALERT),
];

fn shape() -> ShapeLimits {
    let config = IngestConfig::default();
    ShapeLimits {
        depth_max: config.depth_max,
        keys_max: config.keys_max,
    }
}

fn rules() -> Rules {
    let config = IngestConfig::default();
    Rules {
        funnel_steps: config.funnel_steps,
        event_types: config.event_types,
        text_chars_max: config.text_max_chars,
    }
}

fn parsed(text: &'static str) -> Value<'static> {
    decode(text.as_bytes(), &shape()).expect("the samples are JSON")
}

fn valid(kind: Kind, text: &'static str) -> Beacon<'static> {
    validate(kind, parsed(text), Arrival::at(RECEIVED_AT_MS), &rules()).expect("the samples are valid")
}

fn steps(criterion: &mut Criterion) {
    let (shape, rules) = (shape(), rules());
    let added = Enrichment::default();
    let mut group = criterion.benchmark_group("parse");
    for (name, _, text) in SAMPLES {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| decode(black_box(text.as_bytes()), &shape).expect("the samples are JSON"));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("validate");
    for (name, kind, text) in SAMPLES {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter_batched(
                || parsed(text),
                |value| {
                    validate(kind, value, Arrival::at(RECEIVED_AT_MS), &rules).expect("the samples are valid")
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("encode");
    for (name, kind, text) in SAMPLES {
        let beacon = valid(kind, text);
        let mut row = Vec::with_capacity(4_096);
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                row.clear();
                encode(black_box(&beacon), "default", &added, &mut row);
                row.len()
            });
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("parse, validate and encode");
    for (name, kind, text) in SAMPLES {
        let mut row = Vec::with_capacity(4_096);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                row.clear();
                let value = decode(black_box(text.as_bytes()), &shape).expect("the samples are JSON");
                let beacon = validate(kind, value, Arrival::at(RECEIVED_AT_MS), &rules)
                    .expect("the samples are valid");
                encode(&beacon, "default", &added, &mut row);
                row.len()
            });
        });
    }
    group.finish();
}

fn inflating(criterion: &mut Criterion) {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(METRIC.as_bytes())
        .expect("memory takes everything");
    let packed = gzip.finish().expect("memory takes everything");
    let bytes_max = IngestConfig::default().inflated_max_bytes;
    criterion.bench_function("inflate/gzip metric", |bencher| {
        bencher.iter(|| {
            inflate(black_box(&packed), Encoding::Gzip, bytes_max)
                .expect("it is gzip")
                .len()
        });
    });
}

criterion_group!(ingest, steps, inflating);
criterion_main!(ingest);
