//! Lanes: many at once, futures that go early, writers that panic.

use std::cell::Cell;
use std::collections::HashSet;
use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::join_all;
use tokio::task::LocalSet;

use super::harness::{append, drain, folder, open, options, rows, run, texts};
use crate::domain::table::Table;
use crate::wal::AppendError;

#[test]
fn rows_of_many_threads_are_all_delivered_each_thread_in_its_order() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 60;
    let dir = folder();
    let (wal, _) = open(options(dir.path()));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let wal = wal.clone();
            scope.spawn(move || {
                run(async {
                    let lane = wal.lane();
                    for round in 0..ROUNDS {
                        let requests = (0..5).map(|request| {
                            let number = round * 5 + request;
                            append(&lane, Table::UserEvents, &format!("{thread}:{number}"))
                        });
                        for outcome in join_all(requests).await {
                            outcome.unwrap();
                        }
                    }
                });
            });
        }
    });
    let found = run(drain(&wal));
    for thread in 0..THREADS {
        let prefix = format!("{thread}:");
        let numbers: Vec<usize> = texts(&found, Table::UserEvents)
            .into_iter()
            .filter_map(|text| text.strip_prefix(&prefix)?.parse().ok())
            .collect();
        assert_eq!(numbers, (0..ROUNDS * 5).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_appended_while_the_log_closes_is_committed_or_refused() {
    for _ in 0..20 {
        let dir = folder();
        let (wal, _) = open(options(dir.path()));
        let acknowledged = std::thread::scope(|scope| {
            let appender = scope.spawn(|| {
                run(async {
                    let lane = wal.lane();
                    let mut acknowledged = Vec::new();
                    for number in 0_usize.. {
                        let commit = lane.append(false, |rows| {
                            rows.row(Table::UserEvents, |bytes| {
                                bytes.extend_from_slice(number.to_string().as_bytes());
                            });
                        });
                        let outcome = match commit {
                            Ok(commit) => commit.await,
                            Err(refusal) => Err(refusal),
                        };
                        match outcome {
                            Ok(()) => acknowledged.push(number.to_string()),
                            Err(refusal) => {
                                assert_eq!(refusal, AppendError::Closed);
                                break;
                            }
                        }
                    }
                    acknowledged
                })
            });
            while wal.status().commits < 5 {
                std::thread::yield_now();
            }
            wal.close();
            appender.join().unwrap()
        });
        assert!(acknowledged.len() >= 5);
        assert_eq!(texts(&run(drain(&wal)), Table::UserEvents), acknowledged);
    }
}

#[test]
fn a_commit_that_is_dropped_early_keeps_its_rows_and_wakes_the_others() {
    let dir = folder();
    run(async {
        let (wal, _) = open(options(dir.path()));
        let lane = wal.lane();
        let mut context = Context::from_waker(Waker::noop());
        for round in 0..50 {
            let unpolled = append(&lane, Table::UserEvents, &format!("{round} unpolled"));
            let mut polled = Box::pin(append(&lane, Table::UserEvents, &format!("{round} polled")));
            let waited_for = append(&lane, Table::UserEvents, &format!("{round} waited for"));
            let _ready_or_not = polled.as_mut().poll(&mut context);
            drop(unpolled);
            drop(polled);
            waited_for.await.unwrap();
        }
        let found: HashSet<_> = drain(&wal).await.into_iter().collect();
        assert_eq!(found.len(), 150);
    });
}

#[test]
fn a_commit_can_be_waited_for_long_after_it_is_over() {
    let dir = folder();
    run(async {
        let (wal, _) = open(options(dir.path()));
        let lane = wal.lane();
        let early = append(&lane, Table::UserEvents, "early");
        for number in 0..20 {
            append(&lane, Table::UserEvents, &number.to_string())
                .await
                .unwrap();
        }
        wal.close();
        early.await.unwrap();
    });
}

#[test]
fn a_panic_while_rows_are_written_leaves_none_of_them_and_the_lane_usable() {
    let dir = folder();
    run(async {
        let (wal, _) = open(options(dir.path()));
        let lane = wal.lane();
        let before = append(&lane, Table::UserEvents, "before");
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            lane.append(true, |rows| {
                rows.row(Table::ClientAlerts, |bytes| bytes.extend_from_slice(b"whole"));
                rows.row(Table::UserEvents, |bytes| {
                    bytes.extend_from_slice(b"half");
                    panic!("in the middle of a row");
                });
            })
        }));
        assert!(panicked.is_err());
        let after = append(&lane, Table::UserEvents, "after");
        before.await.unwrap();
        after.await.unwrap();
        let found = drain(&wal).await;
        assert_eq!(texts(&found, Table::UserEvents), ["before", "after"]);
        assert_eq!(found.len(), 2);
    });
}

#[test]
fn an_append_of_many_rows_and_tables_stands_in_one_segment() {
    let dir = folder();
    run(async {
        let mut options = options(dir.path());
        options.rows_max = 10;
        let (wal, _) = open(options);
        let lane = wal.lane();
        for request in 0..20 {
            let commit = lane.append(false, |rows| {
                for row in 0..7 {
                    for table in Table::ALL {
                        rows.row(table, |bytes| {
                            bytes.extend_from_slice(format!("{request}:{row}").as_bytes())
                        });
                    }
                }
            });
            commit.unwrap().await.unwrap();
        }
        wal.close();
        let mut requests = Vec::new();
        while let Some(segment) = wal.next_sealed().await {
            let found = rows(&wal, &segment);
            let here: HashSet<_> = found
                .iter()
                .filter_map(|(_, text)| text.split(':').next())
                .collect();
            assert_eq!(found.len(), 7 * Table::ALL.len() * here.len());
            requests.extend(here.into_iter().map(str::to_owned));
        }
        assert_eq!(requests.len(), 20, "no request stands in two segments");
    });
}

#[test]
fn rows_of_a_local_table_stand_in_the_same_commit_and_count_in_no_number_of_rows() {
    let dir = folder();
    run(async {
        let mut options = options(dir.path());
        options.rows_max = 2;
        let (wal, _) = open(options.clone());
        let lane = wal.lane();
        for number in 0..2 {
            let commit = lane.append(false, |rows| {
                rows.row(Table::UserEvents, |row| row.extend_from_slice(b"event"));
                rows.row(Table::Recall, |row| row.push(number));
            });
            commit.unwrap().await.unwrap();
        }
        let alone = lane.append(false, |rows| rows.row(Table::Recall, |row| row.push(2)));
        alone.unwrap().await.unwrap();
        assert_eq!(wal.status().rows, 2);
        drop(lane);
        wal.close();
        drop(wal);

        let (wal, recovery) = open(options);
        assert_eq!(recovery.rows, 2, "{recovery:?}");
        wal.close();
        let mut notes = Vec::new();
        let waiting = wal.waiting();
        assert_eq!(waiting.len() as u64, recovery.segments);
        for before in waiting {
            let segment = wal.next_sealed().await.unwrap();
            assert_eq!((segment.id, segment.salt()), (before.id, before.salt()));
            let read = wal.read(&segment).unwrap();
            assert_eq!(read.frames_lost, 0);
            for table in &read.tables {
                if table.table == Table::Recall.name() {
                    notes.extend(table.rows().map(<[u8]>::to_vec));
                } else {
                    assert!(table.rows().all(|row| row == b"event"));
                }
            }
        }
        assert_eq!(notes, [[0], [1], [2]]);
    });
}

#[test]
fn an_append_without_rows_is_over_at_once() {
    let dir = folder();
    run(async {
        let (wal, _) = open(options(dir.path()));
        wal.lane().append(false, |_| {}).unwrap().await.unwrap();
        assert!(drain(&wal).await.is_empty());
    });
}

/// Counts how often a runtime is woken from outside.
struct Counting {
    inner: Waker,
    wakes: AtomicUsize,
}

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.inner.wake_by_ref();
    }
}

#[test]
fn many_requests_of_a_lane_cost_one_wake_from_another_thread() {
    let dir = folder();
    run(async {
        let (wal, _) = open(options(dir.path()));
        // A `LocalSet` in which everything runs that this worker does; its waker is what another thread uses.
        let worker = LocalSet::new();
        let answered = Rc::new(Cell::new(0));
        let done = Rc::clone(&answered);
        let log = wal.clone();
        worker.spawn_local(async move {
            let lane = log.lane();
            let requests = (0..500).map(|number| append(&lane, Table::UserEvents, &number.to_string()));
            let tasks: Vec<_> = requests
                .map(|commit| {
                    let done = Rc::clone(&done);
                    tokio::task::spawn_local(async move {
                        commit.await.unwrap();
                        done.set(done.get() + 1);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let mut worker = pin!(worker);
        let mut counting = None;
        std::future::poll_fn(|context| {
            let counting = counting.get_or_insert_with(|| {
                Arc::new(Counting {
                    inner: context.waker().clone(),
                    wakes: AtomicUsize::new(0),
                })
            });
            let waker = Waker::from(Arc::clone(counting));
            match worker.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        assert_eq!(answered.get(), 500);
        let commits = usize::try_from(wal.status().commits).unwrap();
        let wakes = counting.unwrap().wakes.load(Ordering::SeqCst);
        // Besides one a commit: what the set does for itself when it has run long enough at a time.
        assert!(wakes <= commits + 50, "{wakes} wakes for {commits} commits");
    });
}
