//! What a kept answer costs: a hit, and a question that must be put first.
//!
//! The whole request over HTTP is measured by `make bench-query`.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fresnel::cache::{Cache, Job, Key, Kind, Outage, Prepared, Wish};
use fresnel::config::{CacheConfig, RedisConfig};
use fresnel::memory::Pressure;
use tokio::runtime::Runtime;

#[derive(Clone, Copy, Debug)]
struct Fault;

impl Outage for Fault {
    fn is_outage(&self) -> bool {
        false
    }

    fn lost() -> Self {
        Self
    }

    fn busy() -> Self {
        Self
    }
}

/// As long as that of a time series with some filters.
const ASKED: &str = r#"{"types":["api_response_time"],"interval":"5m","zone_name":"Europe/Berlin","grid":{"from":1795000000,"to":1795086400},"group_by":"api_endpoint","groups_max":10,"filters":{"release":["2026.11.22"]}}"#;
/// As long as that of a chart of a day.
const ANSWER_BYTES: usize = 60_000;

fn key(number: u64) -> Key {
    Key::new("shop", 7, "timeseries", &format!("{ASKED}{number}"))
}

fn job(number: u64) -> Job<Fault> {
    let answer = Bytes::from(vec![b'x'; ANSWER_BYTES]);
    Arc::new(move |_| {
        let answer = answer.clone();
        Ok(Prepared {
            key: key(number),
            kind: Kind::Closed,
            work: Box::pin(async move { Ok(answer) }),
        })
    })
}

fn cache(runtime: &Runtime) -> Cache<Fault> {
    let config = CacheConfig {
        warm_requests_per_minute: 0,
        ..CacheConfig::default()
    };
    let _entered = runtime.enter();
    Cache::start(&config, &RedisConfig::default(), &Pressure::none()).expect("no Redis")
}

fn hits(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let cache = cache(&runtime);
    let panels: Vec<(Key, Job<Fault>)> = (0..100)
        .map(|number| {
            (
                Key::new("shop", 7, "timeseries", &format!("?{ASKED}{number}")),
                job(number),
            )
        })
        .collect();
    for (panel, job) in &panels {
        let answer = runtime.block_on(cache.answer(panel, job, Wish::Any));
        black_box(answer.expect("an answer"));
    }
    let mut group = criterion.benchmark_group("cache");
    group.throughput(Throughput::Elements(1));
    let next = AtomicU64::new(0);
    let mut hit = |name: &str, of: usize| {
        group.bench_function(BenchmarkId::new("hit", name), |bencher| {
            bencher.iter(|| {
                let place = next.fetch_add(1, Ordering::Relaxed) as usize % of;
                let (panel, job) = &panels[place];
                runtime
                    .block_on(cache.answer(panel, job, Wish::Any))
                    .expect("an answer")
            });
        });
    };
    hit("one panel", 1);
    hit("a hundred panels", panels.len());
    group.bench_function("key", |bencher| bencher.iter(|| key(black_box(1))));
    group.bench_function("new", |bencher| {
        let mut number = 1_000;
        bencher.iter(|| {
            number += 1;
            let panel = Key::new("shop", 7, "timeseries", &format!("?{number}"));
            let answer = runtime.block_on(cache.answer(&panel, &job(number), Wish::Any));
            answer.expect("an answer")
        });
    });
    group.finish();
}

criterion_group!(benches, hits);
criterion_main!(benches);
