use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Away,
    Wrong,
    Lost,
}

impl Outage for Fault {
    fn is_outage(&self) -> bool {
        *self == Self::Away
    }

    fn lost() -> Self {
        Self::Lost
    }

    fn busy() -> Self {
        Self::Away
    }
}

/// A warehouse that counts what it is asked.
#[derive(Default)]
struct Asked {
    times: AtomicU64,
    fault: Mutex<Option<Fault>>,
    /// While it is set, nobody is answered before the next notification.
    is_slow: Mutex<bool>,
    go_on: Notify,
}

impl Asked {
    fn times(&self) -> u64 {
        self.times.load(Ordering::SeqCst)
    }

    fn fail(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap() = fault;
    }

    fn slow(&self, is_slow: bool) {
        *self.is_slow.lock().unwrap() = is_slow;
        if !is_slow {
            self.go_on.notify_waiters();
        }
    }
}

/// A question whose answer is how often the warehouse was asked.
fn job(asked: &Arc<Asked>, key: Key, kind: Kind) -> Job<Fault> {
    let asked = Arc::clone(asked);
    Arc::new(move |_| {
        let asked = Arc::clone(&asked);
        Ok(Prepared {
            key: key.clone(),
            kind,
            work: Box::pin(async move {
                let times = asked.times.fetch_add(1, Ordering::SeqCst) + 1;
                let go_on = asked.go_on.notified();
                if *asked.is_slow.lock().unwrap() {
                    go_on.await;
                }
                match *asked.fault.lock().unwrap() {
                    Some(fault) => Err(fault),
                    None => Ok(Bytes::from(times.to_string())),
                }
            }),
        })
    })
}

fn config() -> CacheConfig {
    CacheConfig {
        live_ttl_ms: 200,
        stale_ms: 100_000,
        degrade_after_ms: 20,
        warm_requests_per_minute: 0,
        ..CacheConfig::default()
    }
}

struct Stage {
    cache: Cache<Fault>,
    asked: Arc<Asked>,
    panel: Key,
    job: Job<Fault>,
}

impl Stage {
    fn set(config: &CacheConfig, kind: Kind) -> Self {
        let asked = Arc::new(Asked::default());
        Self {
            cache: Cache::start(config, &RedisConfig::default(), &Pressure::none()).unwrap(),
            panel: Key::new("shop", 1, "test", "?"),
            job: job(&asked, Key::new("shop", 1, "test", "{}"), kind),
            asked,
        }
    }

    async fn ask(&self) -> Result<(String, Origin), Fault> {
        self.ask_as(Wish::Any).await.map_err(|failure| failure.error)
    }

    async fn ask_as(&self, wish: Wish) -> Result<(String, Origin), Failure<Fault>> {
        let answer = self.cache.answer(&self.panel, &self.job, wish).await?;
        let text = String::from_utf8(answer.entry.data().to_vec()).unwrap();
        Ok((text, answer.origin))
    }
}

fn said(times: u64, origin: Origin) -> Result<(String, Origin), Fault> {
    Ok((times.to_string(), origin))
}

#[tokio::test]
async fn what_is_fresh_is_given_without_asking() {
    let stage = Stage::set(&CacheConfig::default(), Kind::Live);
    assert_eq!(stage.ask().await, said(1, Origin::New));
    assert_eq!(stage.ask().await, said(1, Origin::Kept));
    assert_eq!(stage.asked.times(), 1);
    let status = stage.cache.status();
    assert_eq!((status.lookups, status.hits, status.hit_rate), (2, 1, Some(0.5)));
    let list = stage.cache.list("shop/");
    assert_eq!((list.len(), list[0].hits, list[0].kind), (1, 1, Kind::Live));
    let keys = |list: Vec<Listed>| list.into_iter().map(|kept| kept.key).collect::<Vec<_>>();
    assert_eq!(keys(stage.cache.list("sho")), keys(list), "a prefix of the text");
    assert_eq!(keys(stage.cache.list("other/")), [""; 0]);
}

#[tokio::test]
async fn a_hundred_who_ask_the_same_at_once_are_one_flight_and_get_the_same() {
    for (fault, expected) in [
        (None, said(1, Origin::New)),
        (Some(Fault::Away), Err(Fault::Away)),
        (Some(Fault::Wrong), Err(Fault::Wrong)),
    ] {
        let stage = Stage::set(&CacheConfig::default(), Kind::Live);
        stage.asked.fail(fault);
        stage.asked.slow(true);
        let all = futures_util::future::join_all((0..100).map(|_| stage.ask()));
        let landing = async {
            while stage.asked.times() == 0 {
                tokio::task::yield_now().await;
            }
            stage.asked.slow(false);
        };
        let (outcomes, ()) = tokio::join!(all, landing);
        assert!(
            outcomes.iter().all(|outcome| *outcome == expected),
            "{expected:?}"
        );
        assert_eq!(stage.asked.times(), 1, "{expected:?}");
    }
}

#[tokio::test]
async fn a_flight_goes_on_when_the_one_who_asked_first_hangs_up() {
    let stage = Stage::set(&CacheConfig::default(), Kind::Live);
    stage.asked.slow(true);
    let hung_up = tokio::time::timeout(Duration::from_millis(20), stage.ask()).await;
    assert!(hung_up.is_err());
    let (outcome, ()) = tokio::join!(stage.ask(), async {
        tokio::task::yield_now().await;
        stage.asked.slow(false);
    });
    assert_eq!(outcome, said(1, Origin::New));
    assert_eq!(stage.asked.times(), 1);
}

#[tokio::test]
async fn what_is_stale_is_given_at_once_and_one_flight_brings_the_next() {
    let stage = Stage::set(&config(), Kind::Live);
    stage.ask().await.unwrap();
    stage.asked.slow(true);
    tokio::time::sleep(Duration::from_millis(201)).await;
    for _ in 0..20 {
        assert_eq!(stage.ask().await, said(1, Origin::Kept));
    }
    stage.asked.slow(false);
    let next = tokio::time::timeout(Duration::from_secs(10), async {
        while stage.ask().await == said(1, Origin::Kept) {
            tokio::task::yield_now().await;
        }
        stage.asked.times()
    });
    assert_eq!(next.await, Ok(2));
}

/// An answer that is kept only for the time when there is none.
async fn old() -> Stage {
    let config = CacheConfig {
        live_ttl_ms: 1,
        stale_ms: 0,
        ..config()
    };
    let stage = Stage::set(&config, Kind::Live);
    stage.ask().await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    stage
}

#[tokio::test]
async fn what_is_old_is_given_as_degraded_while_there_is_no_better() {
    let stage = old().await;
    stage.asked.fail(Some(Fault::Away));
    assert_eq!(stage.ask().await, said(1, Origin::Degraded));
    stage.asked.fail(Some(Fault::Wrong));
    assert_eq!(stage.ask().await, Err(Fault::Wrong), "which does not pass");
    stage.asked.fail(None);
    let (text, origin) = stage.ask().await.unwrap();
    assert_eq!(origin, Origin::New);
    assert_ne!(text, "1");
    assert_eq!(stage.cache.status().degraded, 1);
}

#[tokio::test]
async fn nobody_waits_longer_than_the_deadline_when_there_is_an_old_answer() {
    let stage = old().await;
    stage.asked.slow(true);
    let answers = futures_util::future::join_all((0..50).map(|_| stage.ask())).await;
    assert!(answers.iter().all(|answer| *answer == said(1, Origin::Degraded)));
    assert_eq!(stage.asked.times(), 2, "one flight, which goes on");
}

#[tokio::test]
async fn who_wants_a_new_answer_is_told_of_the_failure_and_of_the_old_one() {
    let stage = old().await;
    stage.asked.fail(Some(Fault::Away));
    let failure = stage.ask_as(Wish::New).await.unwrap_err();
    assert_eq!(failure.error, Fault::Away);
    assert_eq!(failure.kept.unwrap().data(), "1");
    stage.asked.fail(None);
    let (_, origin) = stage.ask_as(Wish::New).await.unwrap();
    assert_eq!(origin, Origin::New);
    let (_, origin) = stage.ask_as(Wish::New).await.unwrap();
    assert_eq!(origin, Origin::New, "also while there is a fresh one");
}

#[tokio::test]
async fn after_an_outage_what_was_missed_is_fetched_without_being_asked_for() {
    let stage = old().await;
    stage.asked.fail(Some(Fault::Away));
    assert_eq!(stage.ask().await, said(1, Origin::Degraded));
    let asked = stage.asked.times();
    stage.asked.fail(None);
    let fetched = async {
        while stage.asked.times() == asked {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), fetched)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_asked_often_is_fetched_before_it_is_old() {
    let config = CacheConfig {
        live_ttl_ms: 1_600,
        stale_ms: 0,
        warm_requests_per_minute: 5,
        ..CacheConfig::default()
    };
    let stage = Stage::set(&config, Kind::Live);
    for _ in 0..6 {
        stage.ask().await.unwrap();
    }
    let fetched = async {
        while stage.asked.times() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), fetched)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_project_that_is_forgotten_is_asked_anew_and_no_other() {
    let stage = Stage::set(&CacheConfig::default(), Kind::Live);
    let other = job(&stage.asked, Key::new("shop-2", 1, "test", "{}"), Kind::Live);
    let panel = Key::new("shop-2", 1, "test", "?");
    stage.ask().await.unwrap();
    stage.cache.answer(&panel, &other, Wish::Any).await.unwrap();
    stage.cache.forget_project("shop");
    assert_eq!(stage.ask().await, said(3, Origin::New));
    let answer = stage.cache.answer(&panel, &other, Wish::Any).await.unwrap();
    assert_eq!(
        (answer.entry.data().as_ref(), answer.origin),
        (&b"2"[..], Origin::Kept)
    );
}

#[tokio::test]
async fn what_was_being_calculated_when_answers_were_forgotten_is_given_and_not_kept() {
    let stage = Stage::set(&CacheConfig::default(), Kind::Live);
    stage.asked.slow(true);
    let (outcome, ()) = tokio::join!(stage.ask(), async {
        while stage.asked.times() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(stage.cache.forget("shop/"), 0, "nothing is kept yet");
        stage.asked.slow(false);
    });
    assert_eq!(outcome, said(1, Origin::New));
    assert!(stage.cache.list("").is_empty());
    assert_eq!(stage.ask().await, said(2, Origin::New));
    assert_eq!(stage.ask().await, said(2, Origin::Kept));
}

/// "The last hour", asked at two times: the range is another one, and so is the key.
#[tokio::test]
async fn a_panel_whose_range_has_moved_on_is_answered_by_its_last_answer_while_there_is_none_for_the_new_range()
 {
    let stage = old().await;
    stage.asked.fail(Some(Fault::Away));
    let moved = job(&stage.asked, Key::new("shop", 1, "test", "{later}"), Kind::Live);
    let answer = stage.cache.answer(&stage.panel, &moved, Wish::Any).await.unwrap();
    assert_eq!(answer.origin, Origin::Degraded);
    stage.asked.fail(None);
    let answer = stage.cache.answer(&stage.panel, &moved, Wish::Any).await.unwrap();
    assert_eq!(answer.origin, Origin::New);
    let keys: Vec<String> = stage.cache.list("").into_iter().map(|one| one.key).collect();
    assert_eq!(keys, ["shop/test/{later} r1 f1"], "the range before is not kept");
}

#[tokio::test]
async fn a_cache_that_is_off_asks_each_time() {
    let config = CacheConfig {
        enabled: false,
        ..CacheConfig::default()
    };
    let stage = Stage::set(&config, Kind::Live);
    assert_eq!(stage.ask().await, said(1, Origin::New));
    assert_eq!(stage.ask().await, said(2, Origin::New));
    assert_eq!(stage.cache.status().entries, 0);
}

#[tokio::test]
async fn bytes_stay_below_the_limit_and_halve_when_memory_is_short() {
    let config = CacheConfig {
        max_bytes: 1 << 16,
        ..CacheConfig::default()
    };
    let stage = Stage::set(&config, Kind::Live);
    for n in 0..500 {
        let name = format!("{n:0100}");
        let job = job(&stage.asked, Key::new("shop", 1, "test", &name), Kind::Live);
        let panel = Key::new("shop", 1, "panel", &name);
        stage.cache.answer(&panel, &job, Wish::Any).await.unwrap();
    }
    let status = stage.cache.status();
    assert!(status.bytes <= 1 << 16 && status.entries > 50, "{status:?}");
    stage.cache.0.store.resize(true);
    let halved = stage.cache.status();
    assert!(halved.bytes <= 1 << 15 && halved.entries > 25, "{halved:?}");
    stage.cache.0.store.resize(false);
    assert_eq!(stage.cache.status().entries, halved.entries);
}
