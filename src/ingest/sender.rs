//! Who posts.

use std::net::IpAddr;

use uuid::Uuid;

use crate::control::ProjectEntry;

/// Who posts, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The project that the beacons belong to.
    pub project: &'a ProjectEntry,
    /// What is known of whoever posts.
    pub caller: &'a Caller,
    /// The client's address.
    pub address: IpAddr,
    /// True with `Sec-GPC: 1`: the visitor gets no id.
    pub asks_privacy: bool,
    /// The client's User-Agent; empty when it sends none.
    pub user_agent: &'a [u8],
}

/// What is known of whoever posts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody, perhaps with a browser key, which says nothing about who it is.
    Unknown {
        /// The key.
        key: Option<Uuid>,
    },
    /// The user of a verified token.
    User(VerifiedUser),
    /// A program of the project's own, with this secret key: it says for whom it posts.
    Server(Uuid),
}

/// A user whom an issuer of the project vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedUser {
    /// The user.
    pub id: String,
    /// The role that the issuer gave.
    pub role: Option<String>,
}

impl Sender<'_> {
    /// The id of the project.
    pub(super) fn project_id(&self) -> &str {
        self.project.project.id.as_str()
    }
}
