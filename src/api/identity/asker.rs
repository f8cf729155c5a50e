//! Who asks: the one way from what a request shows to whoever it is, through the limits on guesses and on requests.
//!
//! ```text
//! key or cookie ─► guesses ─► look-up ─► quota of whoever it is ─► check of the page (sessions) ─► Asker
//!                     │                     (of somebody unknown, when it is nobody)
//!                     └ 429, not looked at          └ 429
//! ```

use actix_web::HttpRequest;
use uuid::Uuid;

use super::guesses::{Guess, Kind};
use super::session::LoggedIn;
use super::{ApiError, Identity, api_key, bearer, cookie_sum};
use crate::api::asked;
use crate::api::error::Limit;
use crate::control::{KeyEntry, ProjectEntry, Subject as LimitsOf, sha256};
use crate::domain::account::{ProjectId, Scope, Sha256Sum};
use crate::ingest::Rejection;
use crate::quota::{Ask, Class, Decision, Who};

/// Stands for the project of subjects that are the same in all of them; no project has such an id.
const ALL_PROJECTS: &str = "";

/// Whoever asks.
#[derive(Debug)]
pub(super) enum Asker {
    /// A program with a live key.
    Key(KeyEntry),
    /// A user of the dashboard.
    User(LoggedIn),
}

/// What a request shows.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Key(Sha256Sum),
    Session(Sha256Sum),
}

impl Shown {
    /// A key in a header; without one a session's cookie.
    fn by(request: &HttpRequest) -> Option<Self> {
        match bearer(request).or_else(|| api_key(request)) {
            Some(key) => Some(Self::Key(sha256(key))),
            None => cookie_sum(request).map(Self::Session),
        }
    }
}

impl Identity {
    /// Whoever shows a key in a header, or a session's cookie. The request is taken from their quota.
    pub(super) async fn asker(&self, request: &HttpRequest, now_ms: i64) -> Result<Asker, ApiError> {
        self.charged(request, Shown::by(request), now_ms).await
    }

    /// The user whose session's cookie the request carries.
    ///
    /// # Errors
    /// There is none, it is over, its quota is spent, or the request may come from a page of somebody else.
    pub(in crate::api) async fn logged_in(
        &self,
        request: &HttpRequest,
        now_ms: i64,
    ) -> Result<LoggedIn, ApiError> {
        let shown = cookie_sum(request).map(Shown::Session);
        match self.charged(request, shown, now_ms).await? {
            Asker::User(logged_in) => Ok(logged_in),
            Asker::Key(_) => Err(ApiError::Unauthenticated),
        }
    }

    /// Takes a request for which one need not be anybody from the quota of somebody unknown.
    pub(in crate::api) fn anyone(&self, request: &HttpRequest, now_ms: i64) -> Result<(), ApiError> {
        self.charge(request, None, now_ms)
    }

    /// True for whoever may see how the whole instance is. Costs no quota: health is asked for when things go wrong.
    pub(in crate::api) async fn owns_the_instance(&self, request: &HttpRequest, now_ms: i64) -> bool {
        let Some(shown) = Shown::by(request) else {
            return false;
        };
        match self.recognise(request, shown, now_ms).await {
            Ok(Some(Asker::Key(entry))) => {
                let owner = entry.acts_as.as_ref();
                entry.key.scopes.has(Scope::Read) && owner.is_some_and(|user| user.user.is_instance_owner)
            }
            Ok(Some(Asker::User(logged_in))) => logged_in.user.user.is_instance_owner,
            Ok(None) | Err(_) => false,
        }
    }

    /// The program that wants a vendor to be called: by a server key with the scope `relay`. The call is taken from the key's quota
    /// of external calls.
    pub(in crate::api) async fn relayer(
        &self,
        request: &HttpRequest,
        now_ms: i64,
    ) -> Result<(KeyEntry, Decision), ApiError> {
        let shown = bearer(request).or_else(|| api_key(request));
        let shown = shown.map(|key| Shown::Key(sha256(key)));
        let found = match shown {
            Some(shown) => self.recognise(request, shown, now_ms).await?,
            None => None,
        };
        let Some(Asker::Key(entry)) = found else {
            self.charge(request, None, now_ms)?;
            return Err(ApiError::Unauthenticated);
        };
        // The admin token looks and manages; a product has a key of its own.
        if !entry.key.scopes.has(Scope::Relay) || entry.acts_as.is_some() {
            return Err(ApiError::Forbidden(
                "this key may not call vendors: it needs the scope relay",
            ));
        }
        let of = LimitsOf {
            key: Some(entry.key.id),
            ..LimitsOf::default()
        };
        let limit = entry
            .project
            .limits(&of, self.quotas.limits())
            .external_per_minute;
        let project_id = entry.project.project.id.as_str();
        let ask = Ask {
            subject: self.quotas.subject(project_id, Who::Key(entry.key.id), now_ms),
            class: Class::External,
            limit,
            network_limit: 0,
            items: 1,
        };
        let decision = self.quotas.admit(&ask, now_ms);
        if decision.admitted == 0 {
            return Err(ApiError::Rejected(Rejection::OverQuota {
                class: Class::External,
                decision,
            }));
        }
        Ok((entry, decision))
    }

    /// Begins to look at a secret that a request shows in a way of its own.
    pub(in crate::api) fn guess(
        &self,
        request: &HttpRequest,
        kind: Kind,
        sum: &Sha256Sum,
        now_ms: i64,
    ) -> Result<Guess<'_>, ApiError> {
        let address = self.address(request);
        self.guesses.begin(kind, address, sum, now_ms).map_err(|seconds| {
            asked::note(request, |asked| asked.network = Some(self.network(request)));
            Limit::Failures(seconds).into()
        })
    }

    /// Notes that a session was made for whoever sent this request.
    pub(in crate::api) fn has_session(&self, request: &HttpRequest, sum: &Sha256Sum) {
        self.guesses.is_right(self.address(request), sum);
    }

    async fn charged(
        &self,
        request: &HttpRequest,
        shown: Option<Shown>,
        now_ms: i64,
    ) -> Result<Asker, ApiError> {
        let found = match shown {
            Some(shown) => self.recognise(request, shown, now_ms).await?,
            None => None,
        };
        self.charge(request, found.as_ref(), now_ms)?;
        match found.ok_or(ApiError::Unauthenticated)? {
            Asker::User(logged_in) => {
                let logged_in = self.use_session(request, logged_in, now_ms).await?;
                Ok(Asker::User(logged_in))
            }
            key @ Asker::Key(_) => Ok(key),
        }
    }

    /// Looks up what is shown, unless its network has been wrong too often.
    async fn recognise(
        &self,
        request: &HttpRequest,
        shown: Shown,
        now_ms: i64,
    ) -> Result<Option<Asker>, ApiError> {
        let (kind, sum) = match &shown {
            Shown::Key(sum) => (Kind::Key, sum),
            Shown::Session(sum) => (Kind::Session, sum),
        };
        let guess = self.guess(request, kind, sum, now_ms)?;
        let found = match kind {
            Kind::Session => self
                .session(sum, now_ms)
                .await
                .map(|found| found.map(Asker::User)),
            _ => Ok(self.live_key(sum, now_ms).map(Asker::Key)),
        };
        match &found {
            Ok(Some(asker)) => {
                guess.right();
                asked::note(request, |asked| {
                    asked.user = Some(asker.id().to_string());
                    if let Asker::User(logged_in) = asker {
                        // Its beginning tells it from the user's others.
                        asked.session = Some(logged_in.session.id().to_string().chars().take(8).collect());
                    }
                });
            }
            Ok(None) => {
                let network = guess.wrong();
                asked::note(request, |asked| asked.network = Some(network));
            }
            Err(_) => guess.unknown(),
        }
        found
    }

    fn live_key(&self, sum: &Sha256Sum, now_ms: i64) -> Option<KeyEntry> {
        let directory = self.control.directory();
        directory
            .key_by_sha256(sum)
            .filter(|entry| entry.key.is_live(now_ms))
            .cloned()
    }

    /// Takes the request from a quota, once.
    fn charge(&self, request: &HttpRequest, asker: Option<&Asker>, now_ms: i64) -> Result<(), ApiError> {
        if asked::decision(request).is_some() {
            return Ok(());
        }
        let directory = self.control.directory();
        let home = directory.project(ProjectId::DEFAULT);
        let defaults = self.quotas.limits();
        let limit = |entry: Option<&ProjectEntry>, of: LimitsOf<'_>| {
            entry
                .map_or(defaults, |entry| entry.limits(&of, defaults))
                .api_per_minute
        };
        let user_id = asker.map(|asker| asker.id().to_string());
        let (project_id, who, limit) = match (asker, &user_id) {
            (Some(Asker::Key(entry)), _) => {
                let of = LimitsOf {
                    key: Some(entry.key.id),
                    ..LimitsOf::default()
                };
                let project = &entry.project;
                (
                    project.project.id.as_str(),
                    Who::Key(entry.key.id),
                    limit(Some(project), of),
                )
            }
            (Some(Asker::User(logged_in)), Some(user_id)) => {
                // One count over all projects; the limit is that of the project that is asked about.
                let named = named_project(request).and_then(|id| {
                    let role = logged_in.user.role_in(&id)?;
                    Some((directory.project(&id)?, Some(role)))
                });
                let of_home = || Some((home?, logged_in.user.role_in(ProjectId::DEFAULT)));
                let (entry, role) = named.or_else(of_home).unzip();
                let of = LimitsOf {
                    user: Some(user_id),
                    role: role.flatten().map(crate::domain::account::Role::as_str),
                    ..LimitsOf::default()
                };
                (
                    ALL_PROJECTS,
                    Who::User(user_id),
                    limit(entry.map(|entry| &**entry), of),
                )
            }
            _ => {
                let agent = request.headers().get("user-agent");
                let who = Who::Anonymous {
                    address: self.address(request),
                    user_agent: agent.map(|agent| agent.as_bytes()).unwrap_or_default(),
                };
                (
                    ALL_PROJECTS,
                    who,
                    limit(home.map(|entry| &**entry), LimitsOf::default()),
                )
            }
        };
        let ask = Ask {
            subject: self.quotas.subject(project_id, who, now_ms),
            class: Class::Api,
            limit,
            network_limit: self.quotas.network_limit(limit),
            items: 1,
        };
        let decision = self.quotas.admit(&ask, now_ms);
        asked::note(request, |asked| asked.decision = Some(decision));
        match decision.retry_after_s {
            None => Ok(()),
            Some(_) => Err(Limit::Requests(decision).into()),
        }
    }
}

impl Asker {
    /// The id of the key or the user, which is no secret.
    pub(super) fn id(&self) -> Uuid {
        match self {
            Self::Key(entry) => entry.key.id,
            Self::User(logged_in) => logged_in.user.user.id,
        }
    }
}

/// The project that a request names: in its query string, or in the path of the project itself.
fn named_project(request: &HttpRequest) -> Option<String> {
    let query = request.query_string();
    let in_query = form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, value)| (name == "project").then(|| value.into_owned()));
    in_query.or_else(|| {
        let rest = request.path().strip_prefix("/api/projects/")?;
        rest.split('/').next().map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_project_stands_in_the_query_string_or_in_the_path() {
        let named = |uri: &str| named_project(&TestRequest::with_uri(uri).to_http_request());
        assert_eq!(named("/api/keys?page=1&project=shop"), Some("shop".to_owned()));
        assert_eq!(named("/api/projects/shop/members"), Some("shop".to_owned()));
        assert_eq!(named("/api/projects"), None);
        assert_eq!(named("/api/keys"), None);
    }

    /// What is looked up is the sum alone: of a guess that begins like a real key nothing reaches the look-up.
    #[test]
    fn a_key_is_looked_up_by_its_sum_and_a_common_prefix_is_none_of_the_sums() {
        let real = "fs_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
        let near = format!("{}{}", &real[..20], "X".repeat(real.len() - 20));
        let request = |key: &str| {
            TestRequest::default()
                .insert_header(("authorization", format!("Bearer {key}")))
                .to_http_request()
        };
        let [Some(Shown::Key(real)), Some(Shown::Key(near))] =
            [Shown::by(&request(real)), Shown::by(&request(&near))]
        else {
            panic!("keys are shown")
        };
        let common = real.iter().zip(&near).take_while(|(a, b)| a == b).count();
        assert!(common < 4, "{common} bytes");
    }
}
