//! The way of one beacon, as a list of steps. Each step passes it on or refuses it with a [`Rejection`]: the
//! list of reasons is closed, and it is what the counters count and the API answers from.
//!
//! ```text
//! body ─► inflate ─► json_text ─► decode ─► validate ─► dedup ─► admission ─► refine ─► encode ─► wal lane ─► (tap) ─► (commit) ─► acknowledged
//!                                                 │ seen before: acknowledged at once, stored once
//! ```
//!
//! Next to a beacon's row stands a note of what it took from quotas and of the id that its client gave it: both are
//! durable, or neither, and so both are known again after a crash.

mod admission;
mod among_peers;
pub mod batch;
mod batch_path;
mod bookkeeping;
pub mod bots;
pub mod decode;
pub mod dedup;
pub mod encode;
pub mod enrich;
pub mod grouping;
pub mod inflate;
pub mod media;
mod outcome;
mod refine;
pub mod rejected;
mod rejection;
pub mod remember;
pub mod scrub;
mod sender;
mod session_id;
mod settling;
pub mod validate;
mod vendor_call;
mod vendor_webhook;

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::config::IngestConfig;
use crate::domain::beacon::{Beacon, Detail, Id, Kind, text_of};
use crate::domain::enrichment::Enrichment;
use crate::domain::ledger::{DropReason, ItemKind, Outcome as Fate};
use crate::domain::table::Table;
use crate::ledger::{Ledger, Share, Shares};
use crate::metric_definitions::IngestCounters;
use crate::peers::Peers;
use crate::quota::Quotas;
use crate::recall::Note;
use crate::tap::Tap;
use crate::wal::{Lane, RowSink};
use admission::Admission;
use bookkeeping::Bookkeeper;
use bots::Robots;
use decode::ShapeLimits;
use dedup::{Dedup, Reservation, Seen};
use enrich::{Enricher, LocalEnricher, Visitor};
use refine::{ProjectRules, Refiner};
use rejected::{RejectedBeacon, RejectedLog};
use settling::Settling;
use validate::Arrival;

pub use among_peers::tell_what_the_log_holds;
pub use batch::RefusedItem;
pub use inflate::Encoding;
pub use media::MediaType;
pub use outcome::{Accepted, BatchOutcome, BatchRefusal, Outcome};
pub use refine::{Refinery, rule_faults};
pub use rejection::Rejection;
pub use sender::{Caller, Sender, VerifiedUser};
pub use vendor_call::VendorCall;
pub use vendor_webhook::VendorWebhook;

/// A body as it came, with what its headers say of it.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    /// The bytes on the wire.
    pub bytes: &'a [u8],
    /// From `Content-Type`.
    pub media_type: MediaType,
    /// From `Content-Encoding`.
    pub encoding: Encoding,
}

/// Kinds that are counted: those of beacons, and what says no known kind.
const KINDS_COUNTED: usize = Kind::ALL.len() + 1;

fn counted_kinds() -> [&'static str; KINDS_COUNTED] {
    std::array::from_fn(|place| Kind::ALL.get(place).map_or("unknown", |kind| kind.as_str()))
}

/// What the first steps say of a beacon.
enum Looked<'t> {
    /// Nothing is to be done.
    Known(Outcome),
    New(NewBeacon<'t>),
}

/// A valid beacon that has not come before.
struct NewBeacon<'t> {
    rules: Rc<ProjectRules>,
    beacon: Beacon<'t>,
    enrichment: Enrichment,
    /// None for an id that the server has made.
    reservation: Option<Reservation>,
}

/// What the ingest paths of all workers share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// What becomes of beacons' texts.
    pub refinery: Refinery,
    /// What is added to beacons.
    pub enricher: Enricher,
    /// Whose beacons are dropped.
    pub robots: Robots,
    /// The last that were refused.
    pub rejected: Arc<RejectedLog>,
    /// Who has posted how much.
    pub quotas: Arc<Quotas>,
    /// Which ids are stored already.
    pub dedup: Dedup,
    /// What has become of each item.
    pub ledger: Ledger,
    /// The other nodes, if there are any.
    pub peers: Option<Peers>,
    /// Looks at what passes, for alerts.
    pub tap: Tap,
}

/// The ingest path of one HTTP worker; it owns that worker's lane of the log.
#[derive(Debug)]
pub struct Ingest {
    shape: ShapeLimits,
    refiner: Refiner,
    body_max_bytes: usize,
    server_body_max_bytes: usize,
    inflated_max_bytes: usize,
    lane: Lane,
    counters: IngestCounters,
    rejected: Arc<RejectedLog>,
    admission: Admission,
    dedup: Dedup,
    enricher: LocalEnricher,
    robots: Robots,
    books: Bookkeeper,
    peers: Option<Peers>,
    tap: Tap,
}

impl Ingest {
    /// The path into this lane.
    #[must_use]
    pub fn new(config: &IngestConfig, lane: Lane, shared: &Shared) -> Self {
        Self {
            shape: ShapeLimits {
                depth_max: config.depth_max,
                keys_max: config.keys_max,
            },
            refiner: shared.refinery.local(),
            books: Bookkeeper::start(&shared.ledger, lane.clone()),
            body_max_bytes: config.body_max_bytes,
            server_body_max_bytes: config.server_body_max_bytes,
            inflated_max_bytes: config.inflated_max_bytes,
            lane,
            counters: IngestCounters::new(&counted_kinds(), &Rejection::REASONS),
            rejected: Arc::clone(&shared.rejected),
            admission: Admission::new(Arc::clone(&shared.quotas)),
            dedup: shared.dedup.clone(),
            enricher: shared.enricher.local(),
            robots: shared.robots,
            peers: shared.peers.clone(),
            tap: shared.tap.clone(),
        }
    }

    /// Largest body on the wire, from a program with a secret server key or from anybody else.
    #[must_use]
    pub const fn body_max_bytes(&self, is_server: bool) -> usize {
        if is_server {
            self.server_body_max_bytes
        } else {
            self.body_max_bytes
        }
    }

    /// Takes one beacon up to the log. It is durable, and may be acknowledged, when the commit has resolved.
    ///
    /// # Errors
    /// The reason why it is refused; nothing of it is kept then.
    pub fn accept(
        &self,
        sender: &Sender<'_>,
        kind: Kind,
        body: Body<'_>,
        received_at_ms: i64,
    ) -> Result<Outcome, Rejection> {
        let text = self.json_text(body)?;
        match self.look_at(sender, kind, &text, received_at_ms)? {
            Looked::Known(outcome) => Ok(outcome),
            Looked::New(beacon) => self.store(sender, kind, beacon, received_at_ms),
        }
    }

    /// All steps up to the question whether the beacon has come before.
    fn look_at<'t>(
        &self,
        sender: &Sender<'_>,
        kind: Kind,
        text: &'t [u8],
        received_at_ms: i64,
    ) -> Result<Looked<'t>, Rejection> {
        let (rules, beacon) = self.valid_beacon(sender, kind, text, received_at_ms)?;
        let event_id = beacon.common.event_id;
        let (enrichment, is_robot) = self.look(sender, received_at_ms);
        if is_robot {
            return Ok(Looked::Known(Outcome::Robot(event_id)));
        }
        let reservation = match self.seen(sender, &beacon, received_at_ms) {
            None => None,
            Some(Seen::New(reservation)) => Some(reservation),
            Some(Seen::UnderWay) => return Err(Rejection::UnderWay),
            Some(Seen::Stored) => return Ok(Looked::Known(Outcome::Repeated(event_id))),
        };
        Ok(Looked::New(NewBeacon {
            rules,
            beacon,
            enrichment,
            reservation,
        }))
    }

    /// The steps from there into the log.
    fn store(
        &self,
        sender: &Sender<'_>,
        kind: Kind,
        new: NewBeacon<'_>,
        received_at_ms: i64,
    ) -> Result<Outcome, Rejection> {
        let NewBeacon {
            rules,
            mut beacon,
            enrichment,
            reservation,
        } = new;
        let event_id = beacon.common.event_id;
        let user_id = beacon.common.user_id.as_ref().map(Id::as_str);
        let (class, decision) = self.admission.admit(sender, kind, user_id, 1, received_at_ms);
        if decision.admitted == 0 {
            return Err(Rejection::OverQuota { class, decision });
        }
        self.refiner
            .refine(&rules, sender.project_id(), &mut beacon, received_at_ms);
        let note = Note {
            count: decision.count(),
            event: reservation.as_ref().map(Reservation::mark),
        };
        let booking = self.books.accepted(sender.project_id(), kind, received_at_ms);
        let appended = self.lane.append(kind.has_priority(), |rows| {
            rows.row(kind.table(), |row| {
                encode::encode(&beacon, sender.project_id(), &enrichment, row);
            });
            put_note(rows, &note);
        });
        let commit = match appended {
            Ok(commit) => commit,
            Err(error) => {
                booking.cancel();
                self.admission.undo(&decision);
                return Err(error.into());
            }
        };
        self.tap(sender, &beacon, &enrichment);
        Ok(Outcome::Stored(Accepted {
            event_id,
            commit: Settling::new(commit, booking, reservation),
            class,
            decision,
        }))
    }

    /// Lets alerts look at a beacon that is in the log, before it is durable: nobody waits for what may have to wake somebody.
    fn tap(&self, sender: &Sender<'_>, beacon: &Beacon<'_>, enrichment: &Enrichment) {
        match &beacon.detail {
            Detail::Metric(metric) => self.tap.metric(sender.project_id(), metric, enrichment),
            Detail::Alert(alert) => {
                let session_id = text_of(beacon.common.session_id.as_ref());
                let is_from_server = matches!(sender.caller, Caller::Server(_));
                self.tap
                    .alert(sender.project_id(), alert, session_id, is_from_server);
            }
            Detail::Funnel(_) | Detail::Event(_) => {}
        }
    }

    /// Decodes and validates, by the rules of the sender's project.
    fn valid_beacon<'t>(
        &self,
        sender: &Sender<'_>,
        kind: Kind,
        text: &'t [u8],
        received_at_ms: i64,
    ) -> Result<(Rc<ProjectRules>, Beacon<'t>), Rejection> {
        let value = decode::decode(text, &self.shape).map_err(Rejection::BadJson)?;
        let rules = self.refiner.rules_of(&sender.project.project);
        let beacon = validate::validate(kind, value, Arrival::at(received_at_ms), &rules.rules)
            .map_err(Rejection::Invalid)?;
        Ok((rules, beacon))
    }

    /// Notes in the ledger that a beacon is not stored, and waits until the note is as durable as an accepted beacon
    /// would be. When the log cannot be written it waits for nothing; the note follows later.
    pub async fn note_dropped(&self, project_id: &str, kind: ItemKind, reason: DropReason, at_ms: i64) {
        let share = Share {
            kind,
            outcome: Fate::Dropped(reason),
            items: 1,
        };
        self.books.note(project_id, Shares::One(share), at_ms).await;
    }

    /// What is added to the beacons of a request, and whether they are a robot's, to be dropped. A program with a
    /// secret key passes on what others have done: its address is not theirs, and it is no robot.
    fn look(&self, sender: &Sender<'_>, now_ms: i64) -> (Enrichment, bool) {
        let is_server = matches!(sender.caller, Caller::Server(_));
        let visitor = Visitor {
            user_agent: std::str::from_utf8(sender.user_agent).unwrap_or_default(),
            address: (!is_server).then_some(sender.address),
            asks_privacy: sender.asks_privacy,
        };
        let (enrichment, robot) = self.enricher.look(sender.project_id(), &visitor, now_ms);
        (enrichment, !is_server && self.robots.drops(robot))
    }

    /// What is known of a beacon's id; nothing is asked about ids that the server has made.
    fn seen(&self, sender: &Sender<'_>, beacon: &Beacon<'_>, now_ms: i64) -> Option<Seen> {
        let common = &beacon.common;
        common
            .is_clients_id
            .then(|| self.dedup.reserve(sender.project_id(), common.event_id, now_ms))
    }

    /// Looks at one beacon as [`Ingest::accept`] does, and keeps nothing.
    ///
    /// # Errors
    /// The reason why it would be refused.
    pub fn check(
        &self,
        sender: &Sender<'_>,
        kind: Kind,
        body: Body<'_>,
        received_at_ms: i64,
    ) -> Result<(), Rejection> {
        let text = self.json_text(body)?;
        self.valid_beacon(sender, kind, &text, received_at_ms)?;
        Ok(())
    }

    fn json_text<'b>(&self, body: Body<'b>) -> Result<Cow<'b, [u8]>, Rejection> {
        let plain = inflate::inflate(body.bytes, body.encoding, self.inflated_max_bytes)?;
        Ok(media::json_text(plain, body.media_type))
    }

    /// Counts a beacon of a robot, which was acknowledged and dropped.
    pub fn count_robot(&self, kind: Kind) {
        self.counters.robot(kind as usize);
    }

    /// Counts a beacon that was acknowledged because it is stored since an earlier time.
    pub fn count_repeated(&self, kind: Kind) {
        self.counters.repeated(kind as usize);
    }

    /// Counts a beacon that was acknowledged.
    pub fn count_accepted(&self, kind: Kind) {
        self.counters.accepted(kind as usize);
    }

    /// Keeps a refusal for the people who build the page that posted: `kind` is that of the beacon, or `batch`.
    pub fn note_rejected(
        &self,
        project_id: &str,
        kind: &'static str,
        rejection: &Rejection,
        body: Option<Body<'_>>,
        at_ms: i64,
    ) {
        let faults = match rejection {
            Rejection::BadJson(fault) => vec![fault.clone()],
            Rejection::Invalid(faults) => faults.clone(),
            Rejection::Unauthenticated => return,
            _ => Vec::new(),
        };
        let text = body.and_then(|body| self.json_text(body).ok());
        let value = text
            .as_ref()
            .and_then(|text| decode::decode(text, &self.shape).ok());
        self.rejected.note(
            project_id,
            RejectedBeacon {
                at_ms,
                kind,
                reason: Rejection::REASONS[rejection.index()],
                faults,
                shape: value.as_ref().map(rejected::shape).unwrap_or_default(),
            },
        );
    }

    /// Counts a batch that was refused as a whole, whatever it held.
    pub fn count_batch_rejected(&self, rejection: &Rejection) {
        self.counters.rejected(KINDS_COUNTED - 1, rejection.index());
    }

    /// Counts a beacon that was refused.
    pub fn count_rejected(&self, kind: Kind, rejection: &Rejection) {
        self.counters.rejected(kind as usize, rejection.index());
    }
}

fn put_note(rows: &mut RowSink<'_>, note: &Note) {
    if !note.is_empty() {
        rows.row(Table::Recall, |row| note.encode(row));
    }
}
