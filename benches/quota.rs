//! What quotas and ids cost a beacon: one hot subject, many subjects, one thread and two.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fresnel::config::{DedupConfig, QuotaConfig};
use fresnel::ingest::dedup::{Dedup, Seen};
use fresnel::quota::{Ask, Class, Pair, Quotas, Subject, SubjectKeys, Who};
use uuid::Uuid;

const NOW_MS: i64 = 1_700_000_000_000;
const USER_AGENT: &[u8] =
    b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

fn quotas() -> Quotas {
    Quotas::new(&QuotaConfig::default(), SubjectKeys::in_memory())
}

fn ask(number: u64, network: u64) -> Ask {
    Ask {
        subject: Subject {
            user: Pair::fixed(number + 1),
            network: Some(Pair::fixed((1 << 40) + network)),
        },
        class: Class::Metrics,
        limit: u32::MAX,
        network_limit: u32::MAX,
        items: 1,
    }
}

/// Runs `rounds` of the work on each thread.
fn threads(count: u64, rounds: u64, work: impl Fn(u64, u64) + Sync) -> Duration {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..count {
            let work = &work;
            scope.spawn(move || (0..rounds).for_each(|round| work(thread, round)));
        }
    });
    start.elapsed()
}

fn admit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit");
    for count in [1, 2] {
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::new("one hot subject", count), |bencher| {
            let quotas = quotas();
            bencher.iter_custom(|rounds| {
                threads(count, rounds, |_, _| {
                    black_box(quotas.admit(&ask(1, 1), NOW_MS));
                })
            });
        });
        group.bench_function(BenchmarkId::new("100,000 subjects", count), |bencher| {
            let quotas = quotas();
            bencher.iter_custom(|rounds| {
                threads(count, rounds, |thread, round| {
                    let number = (round * 7_919 + thread * 50_021) % 100_000;
                    black_box(quotas.admit(&ask(number, number / 4), NOW_MS));
                })
            });
        });
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("refused", |bencher| {
        let quotas = quotas();
        let ask = Ask {
            limit: 10,
            ..ask(1, 1)
        };
        bencher.iter(|| black_box(quotas.admit(&ask, NOW_MS)));
    });
    group.bench_function("who it is", |bencher| {
        let quotas = quotas();
        let who = Who::Anonymous {
            address: [192, 0, 2, 1].into(),
            user_agent: USER_AGENT,
        };
        bencher.iter(|| black_box(quotas.subject("default", who, NOW_MS)));
    });
    group.finish();
}

fn dedup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reserve and settle");
    let dedup = Dedup::in_memory(&DedupConfig::default());
    let next = AtomicU64::new(0);
    let new_id = || Uuid::from_u64_pair(1, next.fetch_add(1, Ordering::Relaxed));
    for _ in 0..1_000_000 {
        if let Seen::New(reservation) = dedup.reserve("default", new_id(), NOW_MS) {
            reservation.settle();
        }
    }
    for count in [1, 2] {
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::new("a new id", count), |bencher| {
            bencher.iter_custom(|rounds| {
                threads(count, rounds, |_, _| {
                    if let Seen::New(reservation) = dedup.reserve("default", new_id(), NOW_MS) {
                        reservation.settle();
                    }
                })
            });
        });
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("a known id", |bencher| {
        bencher.iter(|| black_box(dedup.reserve("default", Uuid::from_u64_pair(1, 77), NOW_MS)));
    });
    group.finish();
    let (ids, bytes) = dedup.usage();
    eprintln!("{ids} ids take {:.2} bytes each", bytes as f64 / ids as f64);
    let quotas = quotas();
    for number in 0..1_000_000 {
        let one = Ask {
            network_limit: 0,
            ..ask(number, 0)
        };
        black_box(quotas.admit(&one, NOW_MS));
    }
    let usage = quotas.usage();
    eprintln!(
        "{} windows take {:.1} bytes each",
        usage.windows,
        usage.bytes as f64 / usage.windows as f64
    );
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = admit, dedup
}
criterion_main!(benches);
