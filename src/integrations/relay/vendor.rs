//! What a node knows of a vendor from calling it: whether it keeps failing, how much it was asked, how many calls are under way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::counter;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::window::Window;
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
    window: Mutex<Window>,
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
            window: Mutex::default(),
            retrying: Mutex::default(),
        }
    }

    /// Lets a call through by the vendor's limit, or says after which time it may be tried again.
    pub(super) fn admit(&self, limit: Option<RateLimit>) -> Result<(), Duration> {
        let Some(limit) = limit else { return Ok(()) };
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = window.admit(limit, now_ms).map_err(Duration::from_millis);
        let used = window.used(limit, now_ms);
        drop(window);
        self.warn_if_short(limit, used, now_ms);
        admitted
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
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.used(limit, now_ms)
    }

    /// Notes that the vendor speaks HTTP/2: connections are no longer what limits calls.
    pub(super) fn takes_many_calls_a_connection(&self) {
        if !self.has_many_calls_a_connection.swap(true, Ordering::Relaxed) {
            self.places.add_permits(CALLS_MAX - CONNECTIONS_MAX);
        }
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
