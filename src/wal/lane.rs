//! A worker's way into the log, and the future that tells that its rows are durable.
//!
//! Waking a task from another thread costs a system call; waking it from its own thread costs a push on a
//! list. So the writer wakes one task a lane and commit, the lane's dispatcher, and that wakes the waiting
//! requests, which live on its own thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use crate::domain::table::Table;
use crate::task;

use super::AppendError;
use super::pending::{Chunk, Gate, LaneShared, Mark, Ticket};

/// One worker thread's entrance to the log. Clones share it; it stays on its thread.
#[derive(Clone, Debug)]
pub struct Lane {
    handle: Rc<Handle>,
}

#[derive(Debug)]
struct Handle {
    gate: Arc<Gate>,
    shared: Arc<LaneShared>,
    /// Batches whose commit the dispatcher has not yet seen to be over, oldest first.
    waiting: Rc<RefCell<VecDeque<Rc<Batch>>>>,
}

/// The waiting requests of one chunk.
#[derive(Debug)]
struct Batch {
    ticket: Arc<Ticket>,
    wakers: RefCell<Vec<Option<Waker>>>,
}

impl Lane {
    /// Starts the lane's dispatcher on this thread.
    pub(super) fn start(gate: Arc<Gate>, shared: Arc<LaneShared>) -> Self {
        let waiting = Rc::<RefCell<VecDeque<Rc<Batch>>>>::default();
        if !gate.acknowledge_at_once {
            let _detached = task::spawn_local(
                "wal lane dispatcher",
                dispatch(Arc::clone(&shared), Rc::clone(&waiting)),
            );
        }
        Self {
            handle: Rc::new(Handle {
                gate,
                shared,
                waiting,
            }),
        }
    }

    /// Collects the rows that `write` gives, for the next commit. All of them land in one commit. If
    /// `write` panics, none of its rows remains. `write` must not append to the same lane.
    ///
    /// # Errors
    /// The rows are not taken: the log is full, overloaded, poisoned, closed, or they are too large for a
    /// segment.
    pub fn append(
        &self,
        priority: bool,
        write: impl FnOnce(&mut RowSink<'_>),
    ) -> Result<Commit, AppendError> {
        let gate = &*self.handle.gate;
        if gate.pending_bytes.load(Ordering::Relaxed) >= gate.pending_max_bytes {
            return Err(AppendError::Overloaded);
        }
        let mut pending = self.handle.shared.lock();
        if let Some(refusal) = pending.refusal {
            return Err(refusal);
        }
        // Under the lock: whoever collects before the writer's last look is committed.
        if gate.closing.load(Ordering::SeqCst) {
            return Err(AppendError::Closed);
        }
        if gate.full.load(Ordering::Relaxed) {
            return Err(AppendError::Full);
        }
        let mark = {
            let rollback = Rollback::new(pending.open_chunk(gate));
            write(&mut RowSink {
                chunk: rollback.chunk,
            });
            let bytes = rollback.chunk.bytes - rollback.mark.bytes;
            if bytes == 0 {
                return Ok(Commit(State::Over(Ok(()))));
            }
            if bytes > gate.append_max_bytes {
                return Err(AppendError::TooLarge);
            }
            let before = gate.pending_bytes.load(Ordering::Relaxed);
            if before > 0 && before + bytes > gate.pending_max_bytes {
                return Err(AppendError::Overloaded);
            }
            gate.pending_bytes.fetch_add(bytes, Ordering::SeqCst);
            rollback.commit()
        };
        let chunk = pending.settle(gate, &mark);
        chunk.priority |= priority;
        let ticket = (!gate.acknowledge_at_once).then(|| Arc::clone(&chunk.ticket));
        drop(pending);
        gate.wake_writer();
        Ok(match ticket {
            None => Commit(State::Over(Ok(()))),
            Some(ticket) => Commit(State::Waiting {
                batch: self.batch(ticket),
                slot: None,
            }),
        })
    }

    fn batch(&self, ticket: Arc<Ticket>) -> Rc<Batch> {
        let mut waiting = self.handle.waiting.borrow_mut();
        if let Some(last) = waiting.back()
            && Arc::ptr_eq(&last.ticket, &ticket)
        {
            return Rc::clone(last);
        }
        let batch = Rc::new(Batch {
            ticket,
            wakers: RefCell::default(),
        });
        waiting.push_back(Rc::clone(&batch));
        batch
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::Release);
        self.shared.dispatcher.wake();
        // The writer forgets the lane.
        self.gate.wake_writer();
    }
}

/// Restores a chunk unless the append came to its end.
struct Rollback<'a> {
    chunk: &'a mut Chunk,
    mark: Mark,
    armed: bool,
}

impl<'a> Rollback<'a> {
    fn new(chunk: &'a mut Chunk) -> Self {
        let mark = chunk.mark();
        Self {
            chunk,
            mark,
            armed: true,
        }
    }

    fn commit(mut self) -> Mark {
        self.armed = false;
        self.mark
    }
}

impl Drop for Rollback<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.chunk.truncate(&self.mark);
        }
    }
}

/// Takes the rows of one append.
#[derive(Debug)]
pub struct RowSink<'a> {
    chunk: &'a mut Chunk,
}

impl RowSink<'_> {
    /// Adds one row: `encode` appends its RowBinary, all columns in the order of `table`, and touches
    /// nothing that stands before.
    pub fn row(&mut self, table: Table, encode: impl FnOnce(&mut Vec<u8>)) {
        self.chunk.row(table, encode);
    }
}

/// Resolves when the rows of one append are as durable as `wal.durability` asks. Dropping it changes
/// nothing for the rows.
#[derive(Debug)]
#[must_use = "the rows are durable only when this has resolved"]
pub struct Commit(State);

#[derive(Debug)]
enum State {
    Over(Result<(), AppendError>),
    Waiting { batch: Rc<Batch>, slot: Option<usize> },
}

impl Future for Commit {
    type Output = Result<(), AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let State::Waiting { batch, slot } = &mut self.0 else {
            let State::Over(outcome) = self.0 else {
                return Poll::Pending;
            };
            return Poll::Ready(outcome);
        };
        if let Some(outcome) = batch.ticket.outcome() {
            self.0 = State::Over(outcome);
            return Poll::Ready(outcome);
        }
        // The dispatcher runs on this thread, so it cannot come between the look above and this.
        let mut wakers = batch.wakers.borrow_mut();
        match slot.and_then(|slot| wakers.get_mut(slot)) {
            Some(Some(waker)) => waker.clone_from(context.waker()),
            Some(empty) => *empty = Some(context.waker().clone()),
            None => {
                *slot = Some(wakers.len());
                wakers.push(Some(context.waker().clone()));
            }
        }
        Poll::Pending
    }
}

impl Drop for Commit {
    fn drop(&mut self) {
        if let State::Waiting {
            batch,
            slot: Some(slot),
        } = &self.0
            // Borrowed only when dropping another request's waker has dropped this one.
            && let Ok(mut wakers) = batch.wakers.try_borrow_mut()
            && let Some(waker) = wakers.get_mut(*slot)
        {
            *waker = None;
        }
    }
}

/// Wakes the requests whose commit is over, each time the writer says that one is. Ends with its lane.
async fn dispatch(shared: Arc<LaneShared>, waiting: Rc<RefCell<VecDeque<Rc<Batch>>>>) {
    poll_fn(|context| {
        shared.dispatcher.register(context.waker());
        loop {
            let over = {
                let mut waiting = waiting.borrow_mut();
                match waiting.front() {
                    Some(first) if first.ticket.outcome().is_some() => waiting.pop_front(),
                    _ => None,
                }
            };
            let Some(batch) = over else { break };
            // Out of the cell first: a waker may run code of the executor.
            let wakers = std::mem::take(&mut *batch.wakers.borrow_mut());
            for waker in wakers.into_iter().flatten() {
                waker.wake();
            }
        }
        if shared.gone.load(Ordering::Acquire) && waiting.borrow().is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
