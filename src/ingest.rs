//! The way of one beacon, as a list of steps. Each step passes it on or refuses it with a [`Rejection`]: the
//! list of reasons is closed, and it is what the counters count and the API answers from.
//!
//! ```text
//! body ─► inflate ─► json_text ─► decode ─► validate ─► encode ─► wal lane ─► (commit) ─► acknowledged
//! ```

pub mod batch;
pub mod decode;
pub mod dedup;
pub mod encode;
pub mod grouping;
pub mod inflate;
pub mod media;
pub mod quota;
pub mod rejected;
pub mod remember;
pub mod scrub;
pub mod validate;

use std::borrow::Cow;
use std::sync::Arc;

use uuid::Uuid;

use crate::config::IngestConfig;
use crate::domain::beacon::Kind;
use crate::domain::field_error::FieldError;
use crate::metric_definitions::IngestCounters;
use crate::wal::{AppendError, Commit, Lane};
use decode::ShapeLimits;
use inflate::InflateError;
use quota::{Ask, Class, Decision, Quotas, Subject, Who};
use rejected::{RejectedBeacon, RejectedLog};
use validate::{Arrival, Rules};

pub use batch::RefusedItem;
pub use inflate::Encoding;
pub use media::MediaType;

/// The project of beacons that name none.
pub const DEFAULT_PROJECT_ID: &str = "default";

/// Why a beacon was not taken. Names are stable: they are metric labels and `code`s of answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The ingest key is missing or wrong.
    Unauthenticated,
    /// The body is larger than allowed, on the wire or inflated.
    TooLarge,
    /// The media type or the content encoding is not taken.
    UnsupportedMedia(&'static str),
    /// The body cannot be inflated.
    BadEncoding,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The connection ended within the body.
    BodyIncomplete,
    /// The body is not JSON, or outside the limits on its shape.
    BadJson(FieldError),
    /// Fields are missing or wrong.
    Invalid(Vec<FieldError>),
    /// The sender has spent its quota.
    OverQuota {
        /// Which.
        class: Class,
        /// How it stands.
        decision: Decision,
    },
    /// The log has no room on disk.
    LogFull,
    /// More beacons wait for their commit than memory is set aside for.
    Overloaded,
    /// The log cannot be written any more, or the server stops.
    Unavailable,
}

impl Rejection {
    /// All reasons' names, in the order of [`Rejection::index`].
    pub const REASONS: [&'static str; 12] = [
        "unauthenticated",
        "too_large",
        "unsupported_media",
        "bad_encoding",
        "body_timeout",
        "body_incomplete",
        "bad_json",
        "invalid",
        "log_full",
        "overloaded",
        "unavailable",
        "over_quota",
    ];

    /// Place in [`Rejection::REASONS`].
    #[must_use]
    pub const fn index(&self) -> usize {
        match self {
            Self::Unauthenticated => 0,
            Self::TooLarge => 1,
            Self::UnsupportedMedia(_) => 2,
            Self::BadEncoding => 3,
            Self::BodyTimeout => 4,
            Self::BodyIncomplete => 5,
            Self::BadJson(_) => 6,
            Self::Invalid(_) => 7,
            Self::LogFull => 8,
            Self::Overloaded => 9,
            Self::Unavailable => 10,
            Self::OverQuota { .. } => 11,
        }
    }
}

impl From<InflateError> for Rejection {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::TooLarge => Self::TooLarge,
            InflateError::Malformed => Self::BadEncoding,
        }
    }
}

impl From<AppendError> for Rejection {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => Self::LogFull,
            AppendError::Overloaded => Self::Overloaded,
            AppendError::TooLarge => Self::TooLarge,
            AppendError::Poisoned | AppendError::Closed => Self::Unavailable,
        }
    }
}

/// Who posts, and what for.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The project that the beacons belong to.
    pub project_id: Arc<str>,
    /// Whose quota they take.
    pub subject: Subject,
}

/// A beacon that stands in the log.
#[derive(Debug)]
pub struct Accepted {
    /// Its id.
    pub event_id: Uuid,
    /// Resolves when it is durable.
    pub commit: Commit,
    /// Which quota it took from.
    pub class: Class,
    /// How that quota stands.
    pub decision: Decision,
}

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

/// What became of a batch.
#[derive(Debug)]
pub struct BatchOutcome {
    /// The kinds of the items that were taken.
    pub kinds: Vec<Kind>,
    /// The items that were not.
    pub refused: Vec<RefusedItem>,
    /// How the quotas stand that it took from.
    pub decisions: Vec<(Class, Decision)>,
}

/// The ingest path of one HTTP worker; it owns that worker's lane of the log.
#[derive(Debug)]
pub struct Ingest {
    shape: ShapeLimits,
    rules: Rules,
    body_max_bytes: usize,
    inflated_max_bytes: usize,
    lane: Lane,
    counters: IngestCounters,
    rejected: Arc<RejectedLog>,
    quotas: Arc<Quotas>,
}

/// The quota that a kind takes from.
const fn class_of(kind: Kind) -> Class {
    match kind {
        Kind::Metric => Class::Metrics,
        Kind::Alert | Kind::Funnel | Kind::Event => Class::Events,
    }
}

impl Ingest {
    /// The path into this lane.
    #[must_use]
    pub fn new(config: &IngestConfig, lane: Lane, rejected: Arc<RejectedLog>, quotas: Arc<Quotas>) -> Self {
        Self {
            shape: ShapeLimits {
                depth_max: config.depth_max,
                keys_max: config.keys_max,
            },
            rules: Rules {
                funnel_steps: config.funnel_steps.clone(),
                event_types: config.event_types.clone(),
                text_chars_max: config.text_max_chars,
            },
            body_max_bytes: config.body_max_bytes,
            inflated_max_bytes: config.inflated_max_bytes,
            lane,
            counters: IngestCounters::new(&counted_kinds(), &Rejection::REASONS),
            rejected,
            quotas,
        }
    }

    /// Who is counted for requests like this.
    #[must_use]
    pub fn subject(&self, project_id: &str, who: Who<'_>, now_ms: i64) -> Subject {
        self.quotas.subject(project_id, who, now_ms)
    }

    fn admit(&self, sender: &Sender, class: Class, items: usize, now_ms: i64) -> Decision {
        let limit = self.quotas.limit(class);
        let ask = Ask {
            subject: sender.subject,
            class,
            limit,
            network_limit: self.quotas.network_limit(limit),
            items: u32::try_from(items).unwrap_or(u32::MAX),
        };
        self.quotas.admit(&ask, now_ms)
    }

    /// Largest body on the wire.
    #[must_use]
    pub const fn body_max_bytes(&self) -> usize {
        self.body_max_bytes
    }

    /// Takes one beacon up to the log. It is durable, and may be acknowledged, when the commit has resolved.
    ///
    /// # Errors
    /// The reason why it is refused; nothing of it is kept then.
    pub fn accept(
        &self,
        sender: &Sender,
        kind: Kind,
        body: Body<'_>,
        received_at_ms: i64,
    ) -> Result<Accepted, Rejection> {
        let text = self.json_text(body)?;
        let value = decode::decode(&text, &self.shape).map_err(Rejection::BadJson)?;
        let beacon = validate::validate(kind, value, Arrival::at(received_at_ms), &self.rules)
            .map_err(Rejection::Invalid)?;
        let class = class_of(kind);
        let decision = self.admit(sender, class, 1, received_at_ms);
        if decision.admitted == 0 {
            return Err(Rejection::OverQuota { class, decision });
        }
        let commit = self
            .lane
            .append(kind.has_priority(), |rows| {
                rows.row(kind.table(), |row| {
                    encode::encode(&beacon, &sender.project_id, row)
                });
            })
            .inspect_err(|_| self.quotas.undo(&decision, 1))?;
        Ok(Accepted {
            event_id: beacon.common.event_id,
            commit,
            class,
            decision,
        })
    }

    /// Takes the valid beacons of a batch up to the log, as far as the quotas go, all in one commit.
    ///
    /// # Errors
    /// The reason why none is taken.
    pub fn accept_batch(
        &self,
        sender: &Sender,
        body: Body<'_>,
        received_at_ms: i64,
    ) -> Result<(BatchOutcome, Commit), Rejection> {
        let text = self.json_text(body)?;
        let value = decode::decode(&text, &self.shape).map_err(Rejection::BadJson)?;
        let mut batch = batch::look_at(value, received_at_ms, &self.rules).map_err(Rejection::Invalid)?;
        let decisions: Vec<(Class, Decision)> = [Class::Metrics, Class::Events]
            .into_iter()
            .filter_map(|class| {
                let items = batch.count(|kind| class_of(kind) == class);
                (items > 0).then(|| (class, self.admit(sender, class, items, received_at_ms)))
            })
            .collect();
        for (class, decision) in &decisions {
            batch.keep_first(decision.admitted, |kind| class_of(kind) == *class);
        }
        self.count_refused_items(&batch.refused);
        if batch.beacons.is_empty() {
            // With several quotas the one that comes back last says when to come again.
            return Err(decisions
                .into_iter()
                .max_by_key(|(_, decision)| decision.retry_after_s)
                .map_or_else(
                    || Rejection::Invalid(batch::faults_of_all(&batch.refused)),
                    |(class, decision)| Rejection::OverQuota { class, decision },
                ));
        }
        let has_priority = batch.beacons.iter().any(|item| item.kind.has_priority());
        let commit = self
            .lane
            .append(has_priority, |rows| {
                for item in &batch.beacons {
                    rows.row(item.kind.table(), |row| {
                        encode::encode(&item.beacon, &sender.project_id, row);
                    });
                }
            })
            .inspect_err(|_| {
                for (_, decision) in &decisions {
                    self.quotas.undo(decision, decision.admitted);
                }
            })?;
        let outcome = BatchOutcome {
            kinds: batch.beacons.iter().map(|item| item.kind).collect(),
            refused: batch.refused,
            decisions,
        };
        Ok((outcome, commit))
    }

    /// Looks at one beacon as [`Ingest::accept`] does, and keeps nothing.
    ///
    /// # Errors
    /// The reason why it would be refused.
    pub fn check(&self, kind: Kind, body: Body<'_>, received_at_ms: i64) -> Result<(), Rejection> {
        let text = self.json_text(body)?;
        let value = decode::decode(&text, &self.shape).map_err(Rejection::BadJson)?;
        validate::validate(kind, value, Arrival::at(received_at_ms), &self.rules)
            .map(drop)
            .map_err(Rejection::Invalid)
    }

    /// Looks at a batch as [`Ingest::accept_batch`] does, and keeps nothing.
    ///
    /// # Errors
    /// The reason why nothing of it would be taken.
    pub fn check_batch(&self, body: Body<'_>, received_at_ms: i64) -> Result<BatchOutcome, Rejection> {
        let text = self.json_text(body)?;
        let value = decode::decode(&text, &self.shape).map_err(Rejection::BadJson)?;
        let batch = batch::look_at(value, received_at_ms, &self.rules).map_err(Rejection::Invalid)?;
        if batch.beacons.is_empty() {
            return Err(Rejection::Invalid(batch::faults_of_all(&batch.refused)));
        }
        Ok(BatchOutcome {
            kinds: batch.beacons.iter().map(|item| item.kind).collect(),
            refused: batch.refused,
            decisions: Vec::new(),
        })
    }

    fn json_text<'b>(&self, body: Body<'b>) -> Result<Cow<'b, [u8]>, Rejection> {
        let plain = inflate::inflate(body.bytes, body.encoding, self.inflated_max_bytes)?;
        Ok(media::json_text(plain, body.media_type))
    }

    /// Counts a beacon that was acknowledged.
    pub fn count_accepted(&self, kind: Kind) {
        self.counters.accepted(kind as usize);
    }

    /// Keeps a refusal for the people who build the page that posted: `kind` is that of the beacon, or `batch`.
    pub fn note_rejected(
        &self,
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
            DEFAULT_PROJECT_ID,
            RejectedBeacon {
                at_ms,
                kind,
                reason: Rejection::REASONS[rejection.index()],
                faults,
                shape: value.as_ref().map(rejected::shape).unwrap_or_default(),
            },
        );
    }

    fn count_refused_items(&self, refused: &[RefusedItem]) {
        for item in refused {
            let kind = item.kind.map_or(KINDS_COUNTED - 1, |kind| kind as usize);
            self.counters.rejected(kind, item.reason_index());
        }
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
