//! The process that is killed: quotas, ids, log, flush and journals, put together as the product does.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fresnel::config::{DedupConfig, Durability, FlushConfig, QuotaConfig, Secret};
use fresnel::domain::connection::Connection;
use fresnel::domain::table::Table;
use fresnel::flush::{Flush, Kept};
use fresnel::ingest::dedup::{Dedup, Seen};
use fresnel::ingest::remember::remember;
use fresnel::ledger::Ledger;
use fresnel::quota::{Ask, Class, Quotas, SubjectKeys, Who};
use fresnel::recall::{Note, Recall, RecallOptions};
use fresnel::wal::{SystemFiles, Wal, WalOptions};
use fresnel::warehouse::Warehouse;
use futures_util::future::join_all;
use tokio::task::LocalSet;
use uuid::Uuid;

pub(crate) const PROJECT: &str = "default";
pub(crate) const USERS: u64 = 3;
/// Far above what one test can spend.
pub(crate) const LIMIT: u32 = 1_000_000;
pub(crate) const ROW_BYTES: usize = 24;
/// Beacons under way at a time.
const AT_ONCE: u64 = 7;

/// What the test needs to know of a beacon.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) user: u64,
}

impl Row {
    pub(crate) fn decode(row: &[u8]) -> Self {
        let (id, user) = row.split_first_chunk().expect("an id");
        Self {
            id: Uuid::from_bytes(*id),
            user: u64::from_le_bytes(user.try_into().expect("a user")),
        }
    }
}

pub(crate) fn now_ms() -> i64 {
    fresnel::clock::now().as_millis()
}

/// Everything that counts or remembers.
pub(crate) struct Parts {
    pub(crate) quotas: Quotas,
    pub(crate) dedup: Dedup,
}

impl Parts {
    pub(crate) fn open(folder: &Path) -> (Self, Wal, Recall) {
        let dir = folder.join("recall");
        let options = RecallOptions {
            dir: dir.clone(),
            ids_max: 1_000_000,
        };
        let (recall, remembered) = Recall::open(&options, now_ms()).expect("journals");
        let keys = SubjectKeys::open(dir.join("quota-keys"), now_ms()).expect("keys");
        let parts = Self {
            quotas: Quotas::new(&QuotaConfig::default(), keys),
            dedup: Dedup::open(&DedupConfig { ids_max: 1_000_000 }, &dir.join("event-key")).expect("a key"),
        };
        let (wal, _) = Wal::open(log_options(folder), Arc::new(SystemFiles)).expect("a log");
        let restored = remember(
            &wal,
            remembered,
            &parts.quotas,
            &parts.dedup,
            &Ledger::default(),
            now_ms(),
        );
        assert_eq!(restored.segments_unreadable, 0);
        (parts, wal, recall)
    }

    pub(crate) fn ask(&self, user: u64) -> Ask {
        let address = [192, 0, 2, u8::try_from(user).expect("a small number")].into();
        let who = Who::Anonymous {
            address,
            user_agent: b"test",
        };
        Ask {
            subject: self.quotas.subject(PROJECT, who, now_ms()),
            class: Class::Events,
            limit: LIMIT,
            network_limit: LIMIT,
            items: 1,
        }
    }
}

/// Small segments, sealed soon: many checkpoints in a short life.
fn log_options(folder: &Path) -> WalOptions {
    WalOptions {
        dir: folder.join("wal"),
        durability: Durability::Fsync,
        max_bytes: 64 << 20,
        segment_max_bytes: 1 << 20,
        pending_max_bytes: 1 << 20,
        commit_interval: Duration::ZERO,
        seal_after: Duration::from_millis(3),
        priority_seal_after: Duration::from_millis(3),
        rows_max: 50,
        grace: Duration::ZERO,
    }
}

/// Takes beacons until it is killed.
pub(crate) fn work(folder: &Path, url: String) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (parts, wal, recall) = Parts::open(folder);
    LocalSet::new().block_on(&runtime, async {
        let connection = Connection::new(url, "default".to_owned(), Secret::default(), "fresnel".to_owned());
        let warehouse = Warehouse::new(Some(connection), Duration::from_secs(20));
        let letters = folder.join("dead-letters");
        let config = FlushConfig::default();
        let kept = Kept {
            recall: Some(recall),
            ..Kept::default()
        };
        let _flush = Flush::start(wal.clone(), warehouse, &config, letters, kept);
        let lane = wal.lane();
        for round in 0_u64.. {
            let rows: Vec<Row> = (0..AT_ONCE)
                .map(|number| Row {
                    id: Uuid::now_v7(),
                    user: (round + number) % USERS,
                })
                .collect();
            join_all(rows.iter().map(|row| store(&parts, &lane, row))).await;
            for row in rows {
                // The same again, as a client does that has lost the answer.
                let seen = parts.dedup.reserve(PROJECT, row.id, now_ms());
                assert!(matches!(seen, Seen::Stored));
                writeln!(std::io::stdout(), "stored {}", row.id).expect("the test listens");
            }
        }
    });
}

async fn store(parts: &Parts, lane: &fresnel::wal::Lane, row: &Row) {
    let Seen::New(reservation) = parts.dedup.reserve(PROJECT, row.id, now_ms()) else {
        panic!("a new id");
    };
    let decision = parts.quotas.admit(&parts.ask(row.user), now_ms());
    assert_eq!(decision.admitted, 1);
    let note = Note {
        count: decision.count(),
        event: Some(reservation.mark()),
    };
    let commit = lane.append(false, |rows| {
        rows.row(Table::UserEvents, |bytes| {
            bytes.extend_from_slice(row.id.as_bytes());
            bytes.extend_from_slice(&row.user.to_le_bytes());
        });
        rows.row(Table::Recall, |bytes| note.encode(bytes));
    });
    let commit = commit.expect("room in the log");
    commit.await.expect("a commit");
    reservation.settle();
}
