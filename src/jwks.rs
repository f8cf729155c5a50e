//! Sets of public keys that issuers of tokens serve, and rotate (JWKS, RFC 7517).
//!
//! ```text
//! control.directory ─► keeper (a background task) ─► outbound ─► the issuer's address
//!                         │ ▲
//!            picture of all sets │ "this key is unknown"
//!                         ▼ │
//!                     api/identity (a request's token; no lock, no waiting)
//! ```
//!
//! - A request reads the picture that is there. It never waits for an issuer: a token whose key is not known is refused, and
//!   the issuer is asked soon, but never more often than once in `jwks.refresh_min_ms`, whatever is sent.
//! - Sets are fetched when an issuer is new, when what its answer allowed is over (`max-age`, within
//!   `jwks.refresh_min_ms` and `jwks.refresh_max_ms`), and when a token names a key that is not there.
//! - A set that was fetched takes the old one's place as a whole: a key that the issuer has withdrawn checks nothing more. A
//!   fetch that fails changes nothing; the last good sets also stand in the file `issuer-keys` of the data folder, for the next start.
//! - Only RSA keys of 2,048 to 4,096 bits for RS256 are used. Everything is bounded: issuers, keys of a set, bytes of an
//!   answer, fetches at once.

mod document;
mod fetch;
mod keeper;
mod kept;
mod source;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::config::JwksConfig;
use crate::control::Control;
use crate::domain::account::{JwtIssuer, JwtKeys};
use crate::outbound::Outbound;
use crate::task;

use keeper::Keeper;
use source::Source;

pub use document::KeySet;
pub use source::JwksStatus;

/// The file of the last good sets, in the data folder.
pub const FILE_NAME: &str = "issuer-keys";
/// Issuers whose sets are fetched; the oldest ones, when there are more.
const SOURCES_MAX: usize = 1_000;

/// The sets, as they are known now. A clone is cheap and is the same; the default knows none, for ever.
#[derive(Clone, Debug, Default)]
pub struct Jwks {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    // Replaced as a whole by the keeper, read by every request that carries a token.
    sources: ArcSwap<HashMap<Uuid, Arc<Source>>>,
    wake: Arc<Notify>,
}

impl Jwks {
    /// Fetches the sets of all issuers in `control`, as long as someone holds a clone; begins with those in `file`.
    #[must_use]
    pub fn start(control: Control, outbound: Outbound, config: &JwksConfig, file: PathBuf) -> Self {
        let jwks = Self::default();
        let mut keeper = Keeper::new(control, outbound, config, file);
        // Before the first request: what was known at the last stop is known from the start.
        keeper.follow(&jwks.shared);
        let wake = Arc::clone(&jwks.shared.wake);
        task::spawn("jwks", keeper.run(Arc::downgrade(&jwks.shared), wake));
        jwks
    }

    /// The keys of an issuer; none when it serves none, or they were never fetched.
    #[must_use]
    pub fn keys(&self, issuer: &JwtIssuer) -> Option<Arc<KeySet>> {
        self.source(issuer).map(|source| source.keys())
    }

    /// Says that a token named a key that its issuer's set does not have: the set is fetched again, when its time has
    /// come.
    pub fn lacks_key(&self, issuer: &JwtIssuer) {
        if self.source(issuer).is_some_and(|source| source.want()) {
            self.shared.wake.notify_one();
        }
    }

    /// Says that issuers have changed, so that this is not found out a moment later.
    pub fn issuers_changed(&self) {
        self.shared.wake.notify_one();
    }

    /// How the fetching stands; none for an issuer that serves no set.
    #[must_use]
    pub fn status(&self, issuer: &JwtIssuer) -> Option<JwksStatus> {
        let is_served = matches!(issuer.keys, JwtKeys::Jwks { .. });
        is_served.then(|| {
            self.source(issuer)
                .map(|source| source.status())
                .unwrap_or_default()
        })
    }

    /// The source of an issuer, unless its address has changed and the keeper has not seen it yet.
    fn source(&self, issuer: &JwtIssuer) -> Option<Arc<Source>> {
        let JwtKeys::Jwks { url } = &issuer.keys else {
            return None;
        };
        let sources = self.shared.sources.load();
        sources
            .get(&issuer.id)
            .filter(|source| source.url() == url)
            .map(Arc::clone)
    }
}
