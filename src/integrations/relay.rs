//! The relay: a product's calls to its vendors, on their way through Fresnel.
//!
//! ```text
//! call ─► known by its key, or still held? ─► breaker ─► limit (waits for its turn) ─► a place ─► outbound ─► vendor
//!              │ yes                             │ open        │ no turn in time         ▲     │
//!              ▼                                 ▼             ▼                         └─────┘ transient, and
//!        answer of before                    refused        refused                        harmless twice: once more
//! ```
//!
//! # Guarantees
//! 1. A call that is not idempotent and has no key by which the vendor knows it again reaches the vendor at most once.
//! 2. Under one key one call is made; who sends it again within a day gets the same answer, who sends another one is refused.
//! 3. In no rolling window more calls leave this node than the vendor takes.
//! 4. Nothing takes longer than the deadline until the head of the answer is there.
//! 5. Memory is bounded: bodies of calls that are held, answers that are kept, calls at once.
//!
//! A body that is too long to be held goes on as it comes, and answers always do: memory does not grow with them.

mod batch;
mod failure;
mod headers;
mod kept;
mod keyed;
mod message;
mod retry;
mod standing;
mod together;
mod traffic;
mod tries;
mod turns;
mod upload;
mod vendor;
mod window;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use super::Integrations;
use crate::breaker::Limits;
use crate::config::{BreakerConfig, RelayConfig};
use crate::domain::integration::{Effective, Integration};

pub use failure::{Incomplete, RelayError};
pub use message::{Origin, Priority, RelayAnswer, RelayBody, RelayCall, Report};
pub use traffic::UnderWay;
pub use upload::{CallBody, Place, Room, Upload};
pub use vendor::Retrying;

use kept::{Kept, Key};
use retry::Backoff;
use together::Together;
use traffic::Traffic;
use vendor::Vendors;

/// The relay. A clone is cheap and is the same.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    integrations: Integrations,
    is_enabled: bool,
    vendors: Vendors,
    kept: Kept,
    together: Together,
    room: Room,
    traffic: Traffic,
    backoff: Backoff,
    tries_max: u32,
    deadline: Duration,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl Relay {
    /// With these integrations, and nothing known of their vendors yet.
    #[must_use]
    pub fn new(
        integrations: Integrations,
        is_enabled: bool,
        config: &RelayConfig,
        breaker: &BreakerConfig,
    ) -> Self {
        Self(Arc::new(Inner {
            integrations,
            is_enabled,
            vendors: Vendors::new(Limits::from(breaker)),
            kept: Kept::new(config.kept_bytes_max),
            together: Together::new(config),
            room: Room::new(config.held_body_max_bytes, config.held_bytes_max),
            traffic: Traffic::default(),
            backoff: Backoff {
                base: Duration::from_millis(config.backoff_ms),
                cap: Duration::from_millis(config.backoff_max_ms),
            },
            tries_max: config.tries_max,
            deadline: Duration::from_millis(config.deadline_ms),
        }))
    }

    /// Makes a call to the vendor of an integration, or gives the answer of one that was made.
    ///
    /// # Errors
    /// There is no answer of the vendor's. What it answers, whatever the status, is none.
    pub async fn call(
        &self,
        integration: &Arc<Integration>,
        call: RelayCall,
    ) -> Result<RelayAnswer, RelayError> {
        let inner = &*self.0;
        if !inner.is_enabled || !integration.definition.is_enabled {
            return Err(RelayError::Off);
        }
        let effective = inner.integrations.effective(integration);
        let deadline = Instant::now() + inner.deadline;
        if let Some(key) = keyed::key_of(&effective, &call)? {
            let key = Key::of_call(integration.id, key);
            return self
                .call_keyed(integration, &effective, call, key, deadline)
                .await;
        }
        let has_no_body = call.body.held().is_some_and(bytes::Bytes::is_empty);
        let is_question =
            call.method == Method::GET && has_no_body && kept::may_hold(&effective.caching, &call.path);
        if is_question {
            let key = Key::of_question(integration.id, &call.path, &call.query, &call.headers);
            return self
                .call_keyed(integration, &effective, call, key, deadline)
                .await;
        }
        match self.call_together(integration, &effective, call).await {
            Ok(answered) => answered,
            Err(call) => self.ask(integration, &effective, call, deadline).await,
        }
    }

    /// Asks the vendor.
    async fn ask(
        &self,
        integration: &Integration,
        effective: &Effective,
        call: RelayCall,
        deadline: Instant,
    ) -> Result<RelayAnswer, RelayError> {
        let mut ready = self.ready(integration, effective, call).await?;
        let vendor = self.0.vendors.of(integration.id, &integration.slug);
        let answered = self.ask_vendor(&mut ready, effective, &vendor, deadline).await;
        let is_refused = matches!(&answered, Ok(answer) if answer.status == StatusCode::UNAUTHORIZED);
        if is_refused && effective.token_url.is_some() {
            // An access token that the vendor refuses is not used again.
            self.0.integrations.tokens().forget(integration.id).await;
        }
        answered
    }
}
