//! The watcher: looks whether vendors are there, and asks those for what is new that do not call by themselves.
//!
//! | what | whom | how often |
//! |---|---|---|
//! | probe | every integration that is monitored and can be called | `integrations.probe_interval_s` |
//! | poll | those whose data is polled, and those whose webhooks stay away although they could be polled | adaptive, see [`PollState`] |
//!
//! One node watches, under a lease. It works on a thread of its own, with a lane of the log of its own: what it finds is written down like
//! calls of the relay, and what is new becomes an event of the project.

mod endings;
mod plan;
mod silence;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use http::HeaderMap;
use tokio::time::{Interval, MissedTickBehavior, interval};
use url::Url;
use uuid::Uuid;

use super::Integrations;
use super::ask::outcome_of;
use super::poll::Polled;
use super::relay::Relay;
use crate::clock;
use crate::control::{Control, ControlError, Directory, Lease};
use crate::domain::integration::{Contact, ContactOutcome, Integration, PollState, Side};
use crate::ingest::{Ingest, VendorWebhook};
use crate::warehouse::Warehouse;
pub use silence::stays_away;

use endings::Endings;
use plan::{Plan, Wanted, What};
use silence::Silences;

/// Name of the right to watch.
const LEASE: &str = "integrations";
/// How long it lasts; whoever dies is followed within this time.
const LEASE_TIME: Duration = Duration::from_secs(12);
/// How often it is asked for, and made longer.
const LEASE_EVERY_TICKS: u64 = 12;
const TICK: Duration = Duration::from_millis(250);
/// How often it is looked for webhooks that stay away, unless a quarter of the time for which they may is shorter.
const SILENCE_EVERY: Duration = Duration::from_secs(60);
/// What of a probe's answer is read, so that the connection can be used again.
const PROBE_BYTES_MAX: usize = 64 * 1_024;

/// The watcher's parts.
pub struct Watcher {
    /// Where integrations are, and what is known from asking.
    pub control: Control,
    /// The way to vendors.
    pub integrations: Integrations,
    /// Shares its breakers and its limits.
    pub relay: Relay,
    /// Where webhooks are counted.
    pub warehouse: Warehouse,
    /// The way into the log.
    pub ingest: Rc<Ingest>,
    /// A name that this node keeps over its restarts.
    pub node: String,
    /// Time between two probes; none for no probes.
    pub probe_every: Option<Duration>,
    /// How long webhooks may stay away before it is polled instead.
    pub silence_max: Duration,
}

/// What came of one call.
enum Done {
    Probed(Uuid),
    Polled(Uuid, Box<(PollState, Polled)>),
}

type Calls = FuturesUnordered<LocalBoxFuture<'static, Done>>;

impl Watcher {
    /// Works as long as the process lives.
    pub async fn run(self) {
        let lease = Lease {
            name: LEASE,
            holder: self.node.clone(),
        };
        let mut is_failing = false;
        loop {
            let held = self
                .control
                .hold(&lease, clock::now().as_millis(), LEASE_TIME)
                .await;
            let outcome = match held {
                Ok(true) => self.lead(&lease).await,
                Ok(false) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = &outcome
                && !is_failing
            {
                tracing::warn!(%error, "integrations are not watched; it goes on when the control store can be asked");
            }
            is_failing = outcome.is_err();
            tokio::time::sleep(LEASE_TIME / 4).await;
        }
    }

    /// Watches until the lease is lost.
    async fn lead(&self, lease: &Lease) -> Result<(), ControlError> {
        let known = self.control.polls().await?;
        let mut plan = Plan::default();
        let mut silences = Silences::new(self.silence_max, SILENCE_EVERY);
        let mut endings = Endings::default();
        let mut calls = Calls::new();
        let mut ticks: Interval = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tick = 0_u64;
        let (mut all, mut seen) = (HashMap::new(), None);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    if tick > 0 && tick.is_multiple_of(LEASE_EVERY_TICKS)
                        && !self.control.hold(lease, clock::now().as_millis(), LEASE_TIME).await?
                    {
                        return Ok(());
                    }
                    let directory = self.control.directory();
                    let mut is_other = !seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &directory));
                    if is_other {
                        all = enabled(&directory);
                        seen = Some(directory);
                    }
                    endings.tell_when_due(&self.integrations, &all, is_other);
                    if silences.are_due() {
                        is_other |= silences.look(&self.warehouse, &self.integrations, &all).await;
                    }
                    tick += 1;
                    if is_other {
                        self.show(&mut plan, &silences, &all, &known);
                    }
                    self.begin(&mut plan, &all, &mut calls);
                }
                Some(done) = calls.next() => self.end(&mut plan, done).await,
            }
        }
    }

    fn show(
        &self,
        plan: &mut Plan,
        silences: &Silences,
        all: &HashMap<Uuid, Arc<Integration>>,
        known: &HashMap<Uuid, PollState>,
    ) {
        let wanted = all.values().filter_map(|one| self.wanted(silences, one));
        plan.show(wanted.collect(), known, clock::now().as_millis(), rand::random);
    }

    fn begin(&self, plan: &mut Plan, all: &HashMap<Uuid, Arc<Integration>>, calls: &mut Calls) {
        for (id, what) in plan.due(clock::now().as_millis()) {
            let Some(integration) = all.get(&id) else { continue };
            match what {
                What::Probe => calls.push(self.probe(integration)),
                What::Poll => {
                    let state = plan.poll_state(id).cloned().unwrap_or_default();
                    calls.push(self.poll(integration, state));
                }
            }
        }
    }

    /// What is wanted of an integration; none when it cannot be called.
    fn wanted(&self, silences: &Silences, integration: &Integration) -> Option<Wanted> {
        let effective = self.integrations.effective(integration);
        let url = Url::parse(effective.base_url.as_deref()?).ok()?;
        let is_polled = silences.is_polled(integration, &effective);
        let every_ms = |s: u32| i64::from(s) * 1_000;
        let probe_every_ms = self
            .probe_every
            .filter(|_| integration.definition.is_monitored && effective.probe.is_some())
            .and_then(|every| i64::try_from(every.as_millis()).ok());
        Some(Wanted {
            id: integration.id,
            host: url.host_str()?.to_owned(),
            probe_every_ms,
            poll_every_ms: effective.poll_interval_s.filter(|_| is_polled).map(every_ms),
        })
    }

    fn probe(&self, integration: &Arc<Integration>) -> LocalBoxFuture<'static, Done> {
        let (integrations, relay) = (self.integrations.clone(), self.relay.clone());
        let (ingest, control) = (Rc::clone(&self.ingest), self.control.clone());
        let integration = Arc::clone(integration);
        Box::pin(async move {
            let id = integration.id;
            let effective = integrations.effective(&integration);
            let path = effective.probe.as_ref().map_or("/", |probe| &probe.path);
            // What the product needs goes first: a probe takes what the limit leaves.
            if !relay.has_room(&integration, &effective) {
                return Done::Probed(id);
            }
            let asked = integrations.ask("probe", &integration, path, HeaderMap::new(), PROBE_BYTES_MAX);
            if let Some(contact) = outcome_of(&asked.await) {
                relay.heard(&integration, contact.0);
                note(&ingest, &control, &integration, Side::Probe, path, contact, "").await;
            }
            Done::Probed(id)
        })
    }

    fn poll(&self, integration: &Arc<Integration>, mut state: PollState) -> LocalBoxFuture<'static, Done> {
        let (integrations, relay) = (self.integrations.clone(), self.relay.clone());
        let (ingest, control) = (Rc::clone(&self.ingest), self.control.clone());
        let integration = Arc::clone(integration);
        Box::pin(async move {
            let polled = integrations.poll(&integration, &mut state).await;
            if let Some((outcome, ..)) = polled.contact {
                relay.heard(&integration, outcome);
            }
            take_news(&ingest, &control, &integration, &polled).await;
            Done::Polled(integration.id, Box::new((state, polled)))
        })
    }

    async fn end(&self, plan: &mut Plan, done: Done) {
        let now_ms = clock::now().as_millis();
        match done {
            Done::Probed(id) => plan.probed(id, now_ms, rand::random()),
            Done::Polled(id, done) => {
                let (state, polled) = *done;
                let Some(state) = plan.polled(id, state, polled.outcome, now_ms, rand::random()) else {
                    return;
                };
                if let Err(error) = self.control.note_poll(id, &state).await {
                    tracing::warn!(%error, "when a vendor was polled could not be written down");
                }
            }
        }
    }
}

fn enabled(directory: &Directory) -> HashMap<Uuid, Arc<Integration>> {
    let all = directory.integrations().all();
    all.filter(|one| one.definition.is_enabled)
        .map(|one| (one.id, Arc::clone(one)))
        .collect()
}

/// Writes down what came of a poll; what is new becomes an event of the project.
pub async fn take_news(ingest: &Ingest, control: &Control, integration: &Integration, polled: &Polled) {
    if let Some(contact) = polled.contact {
        let origin = if polled.news.is_some() { "news" } else { "" };
        note(
            ingest,
            control,
            integration,
            Side::Poll,
            &polled.path,
            contact,
            origin,
        )
        .await;
    }
    let Some(news) = &polled.news else { return };
    let directory = control.directory();
    let Some(project) = directory.project(integration.project_id.as_str()).cloned() else {
        return;
    };
    let webhook = VendorWebhook {
        event_id: super::hooks::id_of(integration, &HeaderMap::new(), news),
        integration: integration.slug.as_str(),
        service: integration.service.as_str(),
        side: Side::Poll,
        body: news,
        is_form: false,
        happened: Some("polled"),
    };
    let taken = match ingest.take_webhook(&project, &webhook, clock::now().as_millis()) {
        Ok(Some(commit)) => commit.await.map_err(|error| error.to_string()),
        Ok(None) => Ok(()),
        Err(error) => Err(format!("{error:?}")),
    };
    if let Err(error) = taken {
        tracing::warn!(integration = %integration.slug, error, "news of a vendor could not be stored");
    }
}

async fn note(
    ingest: &Ingest,
    control: &Control,
    integration: &Integration,
    side: Side,
    path: &str,
    (outcome, status, took): (ContactOutcome, u16, Duration),
    origin: &'static str,
) {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let operation = format!("GET {path}");
    let contact = Contact {
        integration: integration.slug.as_str(),
        service: integration.service.as_str(),
        side,
        operation: &operation,
        outcome,
        origin,
        status,
        took_ms: took.as_secs_f64() * 1_000.0,
        tries: 1,
        session_id: "",
        page: "",
    };
    if control
        .directory()
        .project(integration.project_id.as_str())
        .is_none()
    {
        return;
    }
    let now_ms = clock::now().as_millis();
    let noted = match ingest.note_contact(integration.project_id.as_str(), &contact, now_ms) {
        Ok(commit) => commit.await,
        Err(error) => Err(error),
    };
    if let Err(error) = noted {
        tracing::warn!(%error, integration = %integration.slug, "a contact with a vendor was not written down");
    }
}
