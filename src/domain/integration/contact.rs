//! A contact with a vendor, and its row in the log.

use uuid::Uuid;

use crate::domain::row_binary::{put_text, put_uuid};

/// From which side a vendor is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The product called it.
    Relay,
    /// Fresnel looked whether it is there.
    Probe,
    /// Fresnel asked for what is new.
    Poll,
    /// It called.
    Webhook,
}

impl Side {
    /// Its name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Probe => "probe",
            Self::Poll => "poll",
            Self::Webhook => "webhook",
        }
    }
}

/// How a contact ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactOutcome {
    /// It answered, with what is no failure of its own; also that it refuses what was asked.
    Answered,
    /// It answered that it failed: with a status from 500 on.
    Failed,
    /// There was no answer in time.
    TimedOut,
    /// There was none for another reason.
    Unreachable,
    /// It kept failing, so it was not called.
    LeftAlone,
}

impl ContactOutcome {
    /// Its name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::LeftAlone => "left_alone",
        }
    }

    /// That of an answer with a status.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        if status >= 500 {
            Self::Failed
        } else {
            Self::Answered
        }
    }
}

/// A contact with a vendor.
#[derive(Clone, Copy, Debug)]
pub struct Contact<'a> {
    /// The integration's name in addresses.
    pub integration: &'a str,
    /// The catalogue's service.
    pub service: &'a str,
    /// From which side.
    pub side: Side,
    /// What was done, ids taken out.
    pub operation: &'a str,
    /// How it ended.
    pub outcome: ContactOutcome,
    /// Where the answer comes from; empty when there is none, or it can come from nowhere else.
    pub origin: &'static str,
    /// Status of the answer; 0 for none.
    pub status: u16,
    /// Milliseconds of the last try, until the head of its answer.
    pub took_ms: f64,
    /// How often the vendor was called.
    pub tries: u32,
    /// Session and page for which the product called, if it says so; empty otherwise.
    pub session_id: &'a str,
    /// See `session_id`.
    pub page: &'a str,
}

impl Contact<'_> {
    /// Appends the row, in the order of [`Table::VendorCalls`](crate::domain::table::Table::VendorCalls).
    pub fn encode(&self, project_id: &str, now_ms: i64, row: &mut Vec<u8>) {
        put_uuid(Uuid::now_v7(), row);
        put_text(project_id, row);
        row.extend_from_slice(&now_ms.to_le_bytes());
        put_text(self.integration, row);
        put_text(self.service, row);
        put_text(self.side.as_str(), row);
        put_text(self.operation, row);
        put_text(self.outcome.as_str(), row);
        put_text(self.origin, row);
        row.extend_from_slice(&self.status.to_le_bytes());
        row.extend_from_slice(&self.took_ms.to_le_bytes());
        let tries = u16::try_from(self.tries).unwrap_or(u16::MAX);
        row.extend_from_slice(&tries.to_le_bytes());
        put_text(self.session_id, row);
        put_text(self.page, row);
    }
}
