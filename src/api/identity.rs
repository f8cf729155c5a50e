//! Who asks: which key, which project, which user, from which page.
//!
//! A key is looked up by its SHA-256 sum. That takes the same time for every guess but for the sums themselves, which
//! nobody can choose: neither the length nor a common prefix of a guess shows.

mod asker;
mod guesses;
mod manager;
mod session;
mod token;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};

use super::asked;
use super::beacon_headers::BeaconHeaders;
use super::client_address::{client_address, network_of};
use super::error::ApiError;
use crate::control::{Control, KeyEntry, ProjectEntry, sha256};
use crate::domain::account::{KeyKind, Origin, ProjectId, Role, Scope};
use crate::ingest::{Caller, Rejection};
use crate::jwks::Jwks;
use crate::quota::Quotas;
use asker::Asker;
use guesses::Guesses;

pub(super) use guesses::{Kind as GuessKind, count_failure};
pub(super) use manager::{Manager, actor_of};
pub(super) use session::{LoggedIn, SESSION_IDLE_MS, cookie_sum, is_from_our_page, set_cookie};
pub use token::is_rsa_public_key;

/// Parameters of a query string.
pub(super) type Parameters<'q> = Vec<(Cow<'q, str>, Cow<'q, str>)>;

/// Knows keys, projects and users.
#[derive(Clone, Debug)]
pub struct Identity {
    control: Control,
    jwks: Jwks,
    rules: Arc<Rules>,
    quotas: Arc<Quotas>,
    guesses: Arc<Guesses>,
}

/// What the settings say about who may post.
#[derive(Debug)]
pub struct Rules {
    /// Origins of pages that may post to the project `default`, beside its own.
    pub allowed_origins: Vec<Origin>,
    /// True when the project `default` takes beacons without a key, from its allowed origins.
    pub allow_keyless: bool,
    /// Proxies in front of the server whose `X-Forwarded-For` is believed.
    pub trusted_proxies: usize,
    /// Wrong credentials that one address may show to the API in a rolling minute; 0: no limit.
    pub auth_failures_per_minute: u32,
}

/// Who posts beacons.
#[derive(Debug)]
pub(super) struct Poster {
    /// The project that they belong to.
    pub(super) project: Arc<ProjectEntry>,
    /// What is known of whoever posts.
    pub(super) caller: Caller,
    /// True for a secret server key, which may send more at once.
    pub(super) is_server: bool,
}

/// Who asks for data.
#[derive(Debug)]
pub(super) struct Viewer {
    /// The project that is asked about.
    pub(super) project: Arc<ProjectEntry>,
}

impl Poster {
    /// Notes who posts, for the log line of a refusal.
    pub(super) fn note(&self, request: &HttpRequest) {
        let user = match &self.caller {
            Caller::User(user) => Some(asked::id(&user.id)),
            Caller::Server(key) | Caller::Unknown { key: Some(key) } => Some(key.to_string()),
            Caller::Unknown { key: None } => None,
        };
        asked::note(request, |asked| asked.user = user);
    }
}

impl Identity {
    /// Looks things up in `control`, and keys of issuers that serve them in `jwks`; takes requests from `quotas`.
    #[must_use]
    pub fn new(control: Control, jwks: Jwks, rules: Rules, quotas: Arc<Quotas>) -> Self {
        Self {
            control,
            jwks,
            guesses: Arc::new(Guesses::new(Arc::clone(&quotas), rules.auth_failures_per_minute)),
            quotas,
            rules: Arc::new(rules),
        }
    }

    /// The control store, for answers that hold something of it.
    pub(super) const fn control(&self) -> &Control {
        &self.control
    }

    /// The address of the client.
    pub(super) fn address(&self, request: &HttpRequest) -> IpAddr {
        client_address(request, self.rules.trusted_proxies)
    }

    /// The network of the client, as people may read it.
    pub(super) fn network(&self, request: &HttpRequest) -> String {
        network_of(self.address(request))
    }

    /// Who posts: by `Authorization: Bearer`, `X-API-Key`, or `?key=` (a `sendBeacon` cannot set headers), the first
    /// of these that is there. A JSON web token as the bearer says who the user is, and the key stands elsewhere.
    pub(super) fn poster(
        &self,
        request: &HttpRequest,
        headers: &BeaconHeaders<'_>,
        now_ms: i64,
    ) -> Result<Poster, Rejection> {
        let bearer = bearer_of(headers.authorization);
        let (jwt, bearer) = match bearer {
            Some(text) if token::looks_like_one(text) => (Some(text), None),
            other => (None, other),
        };
        let key = bearer
            .or_else(|| api_key_of(headers.api_key))
            .map(Cow::Borrowed)
            .or_else(|| key_in_query(request));
        let shows_key = key.is_some();
        let mut poster = match key {
            Some(key) => self.by_key(&key, now_ms)?,
            None => self.keyless()?,
        };
        if !poster.is_server {
            self.check_origin(headers.origin, shows_key, &poster.project)?;
        }
        if let Some(jwt) = jwt {
            let user = token::verify(jwt, &poster.project.issuers, &self.jwks).ok_or(Rejection::BadToken)?;
            poster.caller = Caller::User(user);
        }
        Ok(poster)
    }

    fn by_key(&self, key: &str, now_ms: i64) -> Result<Poster, Rejection> {
        let sum = sha256(key);
        self.control.look_up(|directory| {
            let entry = directory
                .key_by_sha256(&sum)
                .filter(|entry| may_post(entry, now_ms))
                .ok_or(Rejection::Unauthenticated)?;
            let is_server = entry.key.kind == KeyKind::Server;
            Ok(Poster {
                project: Arc::clone(&entry.project),
                caller: if is_server {
                    Caller::Server(entry.key.id)
                } else {
                    Caller::Unknown {
                        key: Some(entry.key.id),
                    }
                },
                is_server,
            })
        })
    }

    /// The project `default`, if it takes beacons without a key; from where is checked afterwards.
    fn keyless(&self) -> Result<Poster, Rejection> {
        self.control.look_up(|directory| {
            let project = directory
                .project(ProjectId::DEFAULT)
                .filter(|entry| entry.project.allow_keyless || self.rules.allow_keyless)
                .ok_or(Rejection::Unauthenticated)?;
            Ok(Poster {
                project: Arc::clone(project),
                caller: Caller::Unknown { key: None },
                is_server: false,
            })
        })
    }

    /// Pages say where they come from, and only those of the project's origins may post. What is no page says
    /// nothing, and could say anything: it is refused unless it shows a key. A token alone says who a user is, not that
    /// whoever sends it may post.
    fn check_origin(
        &self,
        origin: Option<&HeaderValue>,
        shows_key: bool,
        entry: &ProjectEntry,
    ) -> Result<(), Rejection> {
        match origin {
            None if shows_key => Ok(()),
            None => Err(Rejection::Unauthenticated),
            Some(origin) if self.allows(entry, origin) => Ok(()),
            Some(_) => Err(Rejection::ForeignOrigin),
        }
    }

    fn allows(&self, entry: &ProjectEntry, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        let is_default = entry.project.id.as_str() == ProjectId::DEFAULT;
        entry.project.allows_origin(origin)
            || is_default
                && self
                    .rules
                    .allowed_origins
                    .iter()
                    .any(|allowed| allowed.allows(origin))
    }

    /// The origin of a request's page, if the page may read the answer: if the project of the key allows it, or, when
    /// there is no key that says the project (as in a preflight), if any project does.
    pub(super) fn readable_by<'r>(&self, request: &'r HttpRequest) -> Option<&'r HeaderValue> {
        let origin = request.headers().get(header::ORIGIN)?;
        let directory = self.control.directory();
        let key = bearer(request)
            .or_else(|| api_key(request))
            .map(Cow::Borrowed)
            .or_else(|| key_in_query(request));
        let is_allowed = match key.and_then(|key| {
            directory
                .key_by_sha256(&sha256(&key))
                .map(|entry| Arc::clone(&entry.project))
        }) {
            Some(project) => self.allows(&project, origin),
            None => directory.projects().any(|project| self.allows(project, origin)),
        };
        is_allowed.then_some(origin)
    }

    /// Who asks for data: by `Authorization: Bearer`, `X-API-Key`, or a session. `project_id` is the project that is asked about;
    /// without one it is the key's own.
    pub(super) async fn viewer(
        &self,
        request: &HttpRequest,
        project_id: Option<&str>,
        now_ms: i64,
    ) -> Result<Viewer, ApiError> {
        let entry = match self.asker(request, now_ms).await? {
            Asker::User(logged_in) => {
                let manager = self.manager_as(request, logged_in.user)?;
                return Ok(Viewer {
                    project: Arc::clone(manager.project_entry(project_id, Role::Viewer)?),
                });
            }
            Asker::Key(entry) => entry,
        };
        if !entry.key.scopes.has(Scope::Read) {
            return Err(ApiError::Forbidden("this key may not look"));
        }
        let directory = self.control.directory();
        let project = match project_id {
            None => Some(&entry.project),
            // Another project's id is as unknown as one that nobody has.
            Some(id) if entry.project.project.id.as_str() == id => Some(&entry.project),
            Some(id) => {
                let may = entry
                    .acts_as
                    .as_ref()
                    .is_some_and(|user| user.role_in(id).is_some());
                directory.project(id).filter(|_| may)
            }
        };
        Ok(Viewer {
            project: Arc::clone(project.ok_or(ApiError::NoSuch("there is no such project"))?),
        })
    }
}

/// The admin token is a server key that acts as a user: it looks and manages, and does not post.
fn may_post(entry: &KeyEntry, now_ms: i64) -> bool {
    entry.key.is_live(now_ms) && entry.key.scopes.has(Scope::Ingest) && entry.acts_as.is_none()
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    bearer_of(request.headers().get(header::AUTHORIZATION))
}

fn bearer_of(authorization: Option<&HeaderValue>) -> Option<&str> {
    let value = authorization?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn api_key(request: &HttpRequest) -> Option<&str> {
    api_key_of(request.headers().get("x-api-key"))
}

fn api_key_of(value: Option<&HeaderValue>) -> Option<&str> {
    // What is no text is no key, and is there all the same.
    value.map(|value| value.to_str().unwrap_or("?"))
}

fn key_in_query(request: &HttpRequest) -> Option<Cow<'_, str>> {
    let query = request.query_string();
    if query.is_empty() {
        return None;
    }
    form_urlencoded::parse(query.as_bytes()).find_map(|(name, value)| (name == "key").then_some(value))
}

/// The parameter `project`, and the others in their order.
pub(super) fn project_and_others(query: &str) -> (Option<String>, Parameters<'_>) {
    let mut project_id = None;
    let mut others = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name == "project" {
            project_id = Some(value.into_owned());
        } else {
            others.push((name, value));
        }
    }
    (project_id, others)
}
