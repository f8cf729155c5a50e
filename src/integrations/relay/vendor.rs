//! What a node knows of a vendor from calling it: whether it keeps failing, how much it was asked, how many calls are under way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::counter;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::message::Priority;
use super::turns::{Ticket, Turn, Turns};
use crate::breaker::{Circuit, Limits};
use crate::domain::integration::{RateLimit, Slug};
use crate::metric_definitions::VENDOR_LIMITS_SHORT;

/// Connections to a vendor that speaks HTTP/1.1, so that many calls at once.
const CONNECTIONS_MAX: usize = 20;
/// Calls at once on the connections of one that speaks HTTP/2.
const CALLS_MAX: usize = 200;

/// Vendors that are known at once, unless more are being called.
const VENDORS_MAX: usize = 4_096;

/// See the file's comment.
#[derive(Debug)]
pub(super) struct Vendor {
    pub(super) circuit: Circuit,
    pub(super) places: Arc<Semaphore>,
    has_many_calls_a_connection: AtomicBool,
    started: Instant,
    slug: Slug,
    /// When it may be said again that the limit is nearly used.
    warn_again_ms: AtomicU64,
    // Held for a few instructions.
    turns: Mutex<Turns>,
    // The same.
    retrying: Mutex<Option<Retrying>>,
}

/// A call that waits for its next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retrying {
    /// Tries so far.
    pub attempt: u32,
    /// When the next one is.
    pub next_at: Instant,
    /// When the first one was.
    pub started: Instant,
}

impl Vendor {
    fn new(slug: &Slug, limits: Limits) -> Self {
        Self {
            circuit: Circuit::new(format!("relay to {slug}"), limits),
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            has_many_calls_a_connection: AtomicBool::new(false),
            started: Instant::now(),
            slug: slug.clone(),
            warn_again_ms: AtomicU64::new(0),
            turns: Mutex::default(),
            retrying: Mutex::default(),
        }
    }

    /// Waits for its turn within the vendor's limit.
    ///
    /// # Errors
    /// There is none before the deadline, but after this time.
    pub(super) async fn turn(
        &self,
        limit: Option<RateLimit>,
        priority: Priority,
        deadline: Instant,
    ) -> Result<(), Duration> {
        let Some(limit) = limit else { return Ok(()) };
        let mut standing: Option<Standing<'_>> = None;
        loop {
            let ticket = standing.as_ref().map(|standing| standing.ticket);
            let turn = self.ask(limit, |turns, now_ms| turns.ask(limit, priority, ticket, now_ms));
            let (ticket, wait_ms) = match turn {
                Turn::Now => return Ok(()),
                Turn::Never => return Err(Duration::from_secs(limit.window_s.into())),
                Turn::In(ticket, wait_ms) => (ticket, wait_ms),
            };
            if standing.is_none() {
                standing = Some(Standing { vendor: self, ticket });
            }
            let wait = Duration::from_millis(wait_ms);
            if Instant::now() + wait >= deadline {
                return Err(wait);
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Lets a call of our own through, if the vendor's limit has room that nobody waits for.
    pub(super) fn has_room(&self, limit: Option<RateLimit>) -> bool {
        let Some(limit) = limit else { return true };
        self.ask(limit, |turns, now_ms| turns.ask_behind_all(limit, now_ms))
    }

    fn ask<T>(&self, limit: RateLimit, ask: impl FnOnce(&mut Turns, u64) -> T) -> T {
        let now_ms = self.now_ms();
        let mut turns = self.turns();
        let told = ask(&mut turns, now_ms);
        let used = turns.used(limit, now_ms);
        drop(turns);
        self.warn_if_short(limit, used, now_ms);
        told
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says once a window that four fifths of the limit are used.
    fn warn_if_short(&self, limit: RateLimit, used: u32, now_ms: u64) {
        if u64::from(used) * 5 < u64::from(limit.calls) * 4 {
            return;
        }
        let window_ms = u64::from(limit.window_s) * 1_000;
        let again_ms = self.warn_again_ms.load(Ordering::Relaxed);
        let is_first = now_ms >= again_ms
            && self
                .warn_again_ms
                .compare_exchange(again_ms, now_ms + window_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_first {
            counter!(VENDOR_LIMITS_SHORT).increment(1);
            tracing::warn!(integration = %self.slug, used, limit = limit.calls, "four fifths of a vendor's limit are used");
        }
    }

    /// Notes that a call waits for its next try; of many, the last one is told.
    pub(super) fn retries(&self, call: Retrying) {
        *self.retrying.lock().unwrap_or_else(PoisonError::into_inner) = Some(call);
    }

    /// The call that waits for its next try, if one does.
    pub(super) fn retrying(&self) -> Option<Retrying> {
        let retrying = *self.retrying.lock().unwrap_or_else(PoisonError::into_inner);
        retrying.filter(|call| call.next_at > Instant::now())
    }

    /// Calls that were let through within the last window.
    pub(super) fn used(&self, limit: RateLimit) -> u32 {
        self.turns().used(limit, self.now_ms())
    }

    /// Notes that the vendor speaks HTTP/2: connections are no longer what limits calls.
    pub(super) fn takes_many_calls_a_connection(&self) {
        if !self.has_many_calls_a_connection.swap(true, Ordering::Relaxed) {
            self.places.add_permits(CALLS_MAX - CONNECTIONS_MAX);
        }
    }
}

/// A call in the line, which it leaves when it is let through, refused, or given up.
struct Standing<'a> {
    vendor: &'a Vendor,
    ticket: Ticket,
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        self.vendor.turns().leave(self.ticket);
    }
}

/// The vendors that were called, by their integrations.
#[derive(Debug)]
pub(super) struct Vendors {
    limits: Limits,
    // Held for a few instructions.
    known: Mutex<HashMap<Uuid, Arc<Vendor>>>,
}

impl Vendors {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            known: Mutex::default(),
        }
    }

    /// The vendor of an integration.
    pub(super) fn of(&self, integration: Uuid, slug: &Slug) -> Arc<Vendor> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= VENDORS_MAX && !known.contains_key(&integration) {
            // Those that nobody calls now: most of their integrations are no more.
            known.retain(|_, vendor| Arc::strong_count(vendor) > 1);
        }
        let vendor = known
            .entry(integration)
            .or_insert_with(|| Arc::new(Vendor::new(slug, self.limits)));
        Arc::clone(vendor)
    }
}
