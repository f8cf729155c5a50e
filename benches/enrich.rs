//! What each step between validation and the log costs for a usual beacon: who sent it, what must not be stored, and
//! under which name it is counted.

use std::borrow::Cow;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fresnel::config::{BotsConfig, EnrichConfig, GroupingConfig, IngestConfig, ScrubConfig};
use fresnel::domain::beacon::{Beacon, Kind};
use fresnel::ingest::decode::{ShapeLimits, decode};
use fresnel::ingest::enrich::{Enricher, Visitor};
use fresnel::ingest::grouping::{Field, Grouping, GroupingRules, NameLimiter};
use fresnel::ingest::scrub::{ScrubPatterns, Scrubber};
use fresnel::ingest::validate::{Arrival, Rules, validate};

const NOW_MS: i64 = 1_795_339_801_000;
const USER_AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
const METRIC: &str = r#"{"event_id":"5f0c7a34-5b0e-4a53-9c37-0d9c4a4f7a11","type":"api_response_time","value":184.25,
"timestamp":"2026-11-22T09:30:00.000Z","session_id":"s-2f9c01b2a77de410","user_id":"u-4711","metadata":{
"page":"/effects/oil-painting","api_endpoint":"/api/effects/4711/render","method":"POST","status":200,"region":"eu-central",
"release":"2.5.0","environment":"production","viewport":"1920x1080","connection":"4g","language":"en-GB","build":41877,
"referrer":"https://www.example.com/search?q=effects"}}"#;

fn visitor() -> Visitor<'static> {
    Visitor {
        user_agent: USER_AGENT,
        address: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7))),
        asks_privacy: false,
    }
}

fn beacon() -> Beacon<'static> {
    let config = IngestConfig::default();
    let shape = ShapeLimits {
        depth_max: config.depth_max,
        keys_max: config.keys_max,
    };
    let rules = Rules {
        funnel_steps: Vec::new(),
        event_types: Vec::new(),
        text_chars_max: config.text_max_chars,
    };
    let value = decode(METRIC.as_bytes(), &shape).expect("the sample is JSON");
    validate(Kind::Metric, value, Arrival::at(NOW_MS), &rules).expect("the sample is valid")
}

/// Resident memory of this process.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4_096
}

fn visitors(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |file: PathBuf| {
        let config = EnrichConfig {
            user_agents_file: file,
            ..EnrichConfig::default()
        };
        Enricher::open(&config, &BotsConfig::default(), folder.path(), NOW_MS)
    };
    let before = resident_bytes();
    let enricher = open(PathBuf::new());
    let read = resident_bytes();
    enricher.warm_up();
    eprintln!(
        "rules for User-Agents: {} kB read, {} kB with the usual ones compiled",
        (read - before) / 1_024,
        (resident_bytes() - before) / 1_024
    );
    let local = enricher.local();
    assert!(
        !local
            .look("default", &visitor(), NOW_MS)
            .0
            .client
            .browser
            .is_empty(),
        "the rules are in node_modules: `npm ci`"
    );

    let mut group = criterion.benchmark_group("visitor");
    group.bench_function("start: read the rules", |bencher| {
        bencher.iter(|| open(PathBuf::new()))
    });
    group.bench_function("start: compile the usual ones", |bencher| {
        bencher.iter_batched(
            || open(PathBuf::new()),
            |enricher| enricher.warm_up(),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("a known User-Agent, with an id", |bencher| {
        bencher.iter(|| local.look("default", black_box(&visitor()), NOW_MS));
    });
    group.bench_function("a known User-Agent, without one", |bencher| {
        let visitor = Visitor {
            asks_privacy: true,
            ..visitor()
        };
        bencher.iter(|| local.look("default", black_box(&visitor), NOW_MS));
    });
    let mut number = 0_u64;
    group.bench_function("a new User-Agent", |bencher| {
        bencher.iter(|| {
            number += 1;
            let text = USER_AGENT.replace("131", &number.to_string());
            let visitor = Visitor {
                user_agent: &text,
                ..visitor()
            };
            local.look("default", &visitor, NOW_MS)
        });
    });
    group.finish();
}

fn texts(criterion: &mut Criterion) {
    let scrubber = Scrubber::new(&ScrubConfig::default()).expect("the default is valid");
    let none = ScrubPatterns::default();
    let mut group = criterion.benchmark_group("scrub");
    for (name, text) in [
        ("a path", "/effects/oil-painting"),
        ("a clean URL", "https://www.example.com/search?q=effects&page=2"),
        (
            "a dirty URL",
            "https://www.example.com/reset?token=0123456789abcdef&mail=jane@example.org",
        ),
        (
            "an error",
            "Cannot read properties of undefined (reading 'width') at draw (canvas.js:10:5)",
        ),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut text = Cow::Borrowed(black_box(text));
                scrubber.scrub(&mut text, &none);
                text
            });
        });
    }
    let usual = beacon();
    group.bench_function("a whole metric", |bencher| {
        bencher.iter_batched_ref(
            || usual.clone(),
            |beacon| scrubber.scrub_beacon(beacon, &none),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn names(criterion: &mut Criterion) {
    let config = GroupingConfig::default();
    let plain = Grouping::new(&config, GroupingRules::default(), ["shop.example"]);
    let rules = GroupingRules::parse([("/blog/**", "/blog"), ("/shop/:shop/**", "/shop/{shop}")]);
    let ruled = Grouping::new(&config, rules.expect("they are rules"), ["shop.example"]);
    let mut group = criterion.benchmark_group("group");
    for (name, text) in [
        ("a word", "/effects/oil-painting"),
        ("an id", "/api/effects/4711/render"),
        (
            "a URL",
            "https://shop.example/api/items/5f0c7a34-5b0e-4a53-9c37-0d9c4a4f7a11?x=1",
        ),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| plain.endpoint(black_box(text).into()))
        });
        group.bench_function(format!("{name}, with rules"), |bencher| {
            bencher.iter(|| ruled.endpoint(black_box(text).into()));
        });
    }
    let limiter = NameLimiter::new(&config);
    let mut local = limiter.local();
    group.bench_function("a known name", |bencher| {
        bencher.iter(|| local.admit("default", Field::Page, black_box("/effects/oil-painting"), NOW_MS));
    });
    group.finish();
}

/// All of it, as the ingest path does it for one metric.
fn whole(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let enricher = Enricher::open(
        &EnrichConfig::default(),
        &BotsConfig::default(),
        folder.path(),
        NOW_MS,
    )
    .local();
    let scrubber = Scrubber::new(&ScrubConfig::default()).expect("the default is valid");
    let none = ScrubPatterns::default();
    let config = GroupingConfig::default();
    let grouping = Grouping::new(&config, GroupingRules::default(), []);
    let limiter = NameLimiter::new(&config);
    let mut names = limiter.local();
    let usual = beacon();
    criterion.bench_function("all steps for a usual metric", |bencher| {
        bencher.iter_batched_ref(
            || usual.clone(),
            |beacon| {
                let added = enricher.look("default", &visitor(), NOW_MS);
                scrubber.scrub_beacon(beacon, &none);
                names.group_beacon(beacon, "default", &grouping, NOW_MS);
                added
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(enrich, visitors, texts, names, whole);
criterion_main!(enrich);
