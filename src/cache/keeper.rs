//! Looks after the cache: fetches what somebody waits for or asks for often before it is old, and halves the cache
//! while memory is short.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::panel::Panel;
use super::{Cache, Inner, Outage};
use crate::clock::{self, UnixMicros};
use crate::memory::{Level, Pressure};
use crate::task;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What is in use is fetched when this part of its time is left, and when it would be old before the look after next.
const PART_LEFT: u32 = 5;
const LEFT_MIN: Duration = Duration::from_millis(1_500);

/// Starts to look, for as long as somebody has the cache.
pub(super) fn start<E: Outage>(cache: &Cache<E>, pressure: &Pressure) {
    let weak = Arc::downgrade(&cache.0);
    let levels = pressure.changes();
    let _detached = task::spawn("cache", keep(weak, levels));
}

async fn keep<E: Outage>(weak: Weak<Inner<E>>, levels: watch::Receiver<Level>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(inner) = weak.upgrade() else { return };
        let cache = Cache(inner);
        let is_short = *levels.borrow() != Level::Ok;
        cache.0.store.resize(is_short);
        if !is_short {
            cache.fetch_what_is_due();
        }
    }
}

impl<E: Outage> Cache<E> {
    /// Starts flights for panels that are due, the one that is old first, as many as there is room for.
    fn fetch_what_is_due(&self) {
        let now = clock::now();
        let mut due: Vec<_> = self
            .0
            .panels
            .all()
            .filter(|panel| !panel.is_resting(now.as_millis()))
            .filter_map(|panel| Some((self.due(&panel)?, panel)))
            .collect();
        due.sort_by_key(|(due, _)| due.left);
        for (due, panel) in due {
            let Ok(permit) = Arc::clone(&self.0.refreshes).try_acquire_owned() else {
                return;
            };
            let Ok(prepared) = panel.job()(now) else {
                panel.note_failure(now.as_millis());
                continue;
            };
            let (cache, flight) = (
                self.clone(),
                self.fly(prepared, now, due.newer_than, Some(permit)),
            );
            let _detached = task::spawn("refresh", async move {
                let outcome = match flight {
                    Ok(flight) => flight.outcome().await,
                    Err(error) => Err(error),
                };
                match outcome {
                    Ok((entry, _)) => {
                        panel.note_success();
                        cache.note_answered(&panel, &entry);
                    }
                    Err(_) => panel.note_failure(clock::now().as_millis()),
                }
            });
        }
    }

    /// Says when a panel should be fetched anew.
    fn due(&self, panel: &Panel<E>) -> Option<Due> {
        let now = clock::now();
        let warm = self.0.warm_requests_per_minute;
        let is_wanted = panel.is_wanted(now.as_millis());
        let is_in_use = warm > 0 && panel.uses().a_minute(now.as_millis()) > warm;
        if !is_wanted && !is_in_use {
            return None;
        }
        let entry = self.0.store.get(&panel.key());
        let left = entry
            .as_ref()
            .map_or(Duration::ZERO, |entry| entry.fresh_for(now));
        let part = entry.as_ref().map_or(LEFT_MIN, |entry| entry.ttl() / PART_LEFT);
        let is_due = is_wanted && left.is_zero() || is_in_use && left <= part.max(LEFT_MIN);
        is_due.then(|| Due {
            left,
            newer_than: entry.map_or(UnixMicros(0), |entry| entry.calculated_at()),
        })
    }
}

/// A panel that should be fetched anew.
struct Due {
    /// How long its answer is still fresh.
    left: Duration,
    /// When that was calculated.
    newer_than: UnixMicros,
}
