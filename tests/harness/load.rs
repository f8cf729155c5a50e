//! Load that remembers: several connections post random beacons of all kinds, each with an id of its own, and
//! note which were acknowledged.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::beacons::{Kind, random_id};
use super::http::{Connection, Request};
use super::server::{INGEST_KEY, Target};
use super::wait;

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Connections, each with one request under way.
    pub(crate) connections: u32,
    /// Most requests in a second, over all connections.
    pub(crate) per_second: u32,
}

/// What was sent, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Answered with 202.
    pub(crate) acknowledged: HashMap<Uuid, Kind>,
    /// Sent, and answered with 503 or not at all: may be stored once, or not at all.
    pub(crate) doubtful: HashMap<Uuid, Kind>,
    /// Answers by status.
    pub(crate) answers: BTreeMap<u16, u64>,
    /// Requests whose connection broke.
    pub(crate) broken: u64,
}

impl Sent {
    /// Adds what another load has sent.
    pub(crate) fn merge(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.doubtful.extend(other.doubtful);
        for (status, count) in other.answers {
            *self.answers.entry(status).or_default() += count;
        }
        self.broken += other.broken;
    }
}

/// Running load.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Sent>>,
}

struct Shared {
    stop: AtomicBool,
    acknowledged: AtomicU64,
    /// Answers other than 202, for looking at while the load runs.
    others: Mutex<BTreeMap<u16, u64>>,
}

impl Load {
    /// Starts to post beacons to wherever the target is, also while it is away.
    pub(crate) fn start(target: &Arc<Target>, seed: u64, pace: Pace) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            others: Mutex::default(),
        });
        let threads = (0..pace.connections)
            .map(|number| {
                let sender = Sender {
                    target: Arc::clone(target),
                    shared: Arc::clone(&shared),
                    rng: StdRng::seed_from_u64(seed.wrapping_add(u64::from(number) << 32)),
                    connection: None,
                    sent: Sent::default(),
                };
                let gap = Duration::from_secs(1) * pace.connections / pace.per_second;
                std::thread::spawn(move || sender.run(gap))
            })
            .collect();
        Self { shared, threads }
    }

    /// Beacons acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Answers so far that were not 202.
    pub(crate) fn others(&self) -> BTreeMap<u16, u64> {
        self.shared
            .others
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until this many more beacons were acknowledged.
    #[track_caller]
    pub(crate) fn wait_for_acknowledged(&self, more: u64) {
        let goal = self.acknowledged() + more;
        wait::until("beacons acknowledged", wait::PATIENCE, || {
            (self.acknowledged() >= goal).then_some(())
        });
    }

    /// Ends the load and gives what it has sent.
    pub(crate) fn stop(mut self) -> Sent {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut sent = Sent::default();
        for thread in self.threads.drain(..) {
            sent.merge(thread.join().expect("a sender"));
        }
        sent
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

struct Sender {
    target: Arc<Target>,
    shared: Arc<Shared>,
    rng: StdRng,
    connection: Option<Connection>,
    sent: Sent,
}

impl Sender {
    fn run(mut self, gap: Duration) -> Sent {
        let mut due = Instant::now();
        while !self.shared.stop.load(Ordering::Relaxed) {
            wait::pause(due.saturating_duration_since(Instant::now()));
            // After a stall the pace goes on from now: an outage must not be followed by a flood.
            due = Instant::now().max(due + gap);
            self.send_one();
        }
        self.sent
    }

    fn send_one(&mut self) {
        let Some(mut connection) = self.connection.take().or_else(|| {
            let connection = Connection::open(self.target.address()).ok()?;
            Some(connection.patience(Duration::from_secs(30)))
        }) else {
            // The server is away. Nothing was sent.
            wait::pause(Duration::from_millis(5));
            return;
        };
        let id = random_id(&mut self.rng);
        let kind = self.pick_kind();
        let request = self.request(kind, id);
        match connection.exchange(&request) {
            Ok(answer) => {
                *self.sent.answers.entry(answer.status).or_default() += 1;
                if answer.status == 202 {
                    assert_eq!(
                        answer.json()["data"]["event_id"],
                        id.to_string(),
                        "another id was acknowledged"
                    );
                    self.sent.acknowledged.insert(id, kind);
                    self.shared.acknowledged.fetch_add(1, Ordering::Relaxed);
                } else {
                    self.sent.doubtful.insert(id, kind);
                    let mut others = self.shared.others.lock().unwrap_or_else(PoisonError::into_inner);
                    *others.entry(answer.status).or_default() += 1;
                }
                let closes = answer
                    .header("connection")
                    .is_some_and(|value| value.eq_ignore_ascii_case("close"));
                self.connection = (!closes).then_some(connection);
            }
            Err(_) => {
                self.sent.doubtful.insert(id, kind);
                self.sent.broken += 1;
            }
        }
    }

    /// Mostly metrics; few alerts, since each of them seals a segment.
    fn pick_kind(&mut self) -> Kind {
        match self.rng.random_range(0..100) {
            0..60 => Kind::Metric,
            60..80 => Kind::Event,
            80..98 => Kind::Funnel,
            _ => Kind::Alert,
        }
    }

    fn request(&mut self, kind: Kind, id: Uuid) -> Request {
        let body = kind.random(&mut self.rng, id).to_string();
        if self.rng.random_bool(0.2) {
            let path = format!("{}?key={INGEST_KEY}", kind.path());
            return Request::post(&path, body).header("content-type", "text/plain;charset=UTF-8");
        }
        Request::post(kind.path(), body)
            .header("content-type", "application/json")
            .header("x-api-key", INGEST_KEY)
    }
}
