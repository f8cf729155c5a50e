//! What was told to whom, or is to be.

use serde::Serialize;
use uuid::Uuid;

use super::notice::Notice;
use crate::domain::account::ProjectId;

/// How the delivery of a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is sent, or will be tried again.
    Waiting,
    /// The channel has taken it.
    Delivered,
    /// It was tried as often as it may be, or refused for good.
    Dead,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Dead];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// A notice on its way: a row of the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Delivery {
    /// Its id.
    pub id: Uuid,
    /// Id of the message that it is or was sent in, once it has been tried: the `webhook-id`, the same on each try.
    pub message_id: Option<Uuid>,
    /// Where it belongs.
    pub project_id: ProjectId,
    /// To whom. The channel may be deleted since.
    pub channel_id: Uuid,
    /// What is told.
    pub notice: Notice,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, while it waits.
    pub next_at_ms: i64,
    /// What went wrong at last.
    pub last_error: Option<String>,
    /// When it was written down.
    pub created_at_ms: i64,
    /// When its state changed last.
    pub updated_at_ms: i64,
}

/// How one try went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The channel has taken it.
    Delivered,
    /// It will be tried again.
    Retried,
    /// It is not tried again.
    GivenUp,
}

impl AttemptOutcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Retried, Self::GivenUp];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retried => "retried",
            Self::GivenUp => "given_up",
        }
    }

    /// The outcome of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// One try to send a message: a row of the delivery log. Secrets are not in it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Attempt {
    /// Its id.
    pub id: Uuid,
    /// The message.
    pub message_id: Uuid,
    /// Where it belongs.
    pub project_id: ProjectId,
    /// To whom.
    pub channel_id: Uuid,
    /// Number of the try, from 1 on.
    pub number: u32,
    /// When it began.
    pub at_ms: i64,
    /// How long it took.
    pub took_ms: i64,
    /// How it went.
    pub outcome: AttemptOutcome,
    /// Method and host, or the addresses of people; without secret parts of a path.
    pub request_line: String,
    /// Headers that were sent, without secrets, a line each.
    pub request_headers: String,
    /// What was sent, without secrets; cut at 16 KiB.
    pub request_body: String,
    /// Status of the answer, if there was one.
    pub status: Option<u32>,
    /// Headers of the answer, a line each; cut at 4 KiB.
    pub response_headers: String,
    /// Body of the answer; cut at 4 KiB.
    pub response_body: String,
    /// Why there was no answer, or what is wrong with it.
    pub error: Option<String>,
}
