//! The directory: what beacons and requests are judged by, as one immutable picture in memory.

mod integrations;
mod limits;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use foldhash::fast::RandomState;
use uuid::Uuid;

use super::statement::{Row, Statement};
use super::{AlertBook, Control, ControlError, Inner, POLL_EVERY, rows};
use crate::clock;
use crate::domain::account::{ApiKey, JwtIssuer, Project, ProjectId, Role, Sha256Sum, User};
use limits::Overrides;

pub use integrations::Integrations;
pub use limits::Subject;

/// Polls between two rounds of forgetting: an hour.
const POLLS_A_PRUNE: u32 = 3_600;

/// A picture of all projects, keys, overrides, issuers and users. Revoked keys, keys of deleted projects, and keys
/// that act as a disabled user are not in it.
#[derive(Debug, Default)]
pub struct Directory {
    revision: i64,
    projects: HashMap<ProjectId, Arc<ProjectEntry>>,
    /// Asked for each beacon. Nobody can choose sums that collide.
    keys: HashMap<Sha256Sum, KeyEntry, RandomState>,
    users: HashMap<Uuid, Arc<UserEntry>>,
    integrations: Integrations,
}

/// A project with what belongs to it.
#[derive(Debug)]
pub struct ProjectEntry {
    /// The project.
    pub project: Project,
    /// Whose JWTs it believes.
    pub issuers: Vec<JwtIssuer>,
    /// Goes up with each change of something that belongs to the project.
    pub changed_revision: i64,
    overrides: Overrides,
}

/// A key with its project.
#[derive(Clone, Debug)]
pub struct KeyEntry {
    /// The key; look at [`ApiKey::is_live`], it may have expired.
    pub key: ApiKey,
    /// Its project.
    pub project: Arc<ProjectEntry>,
    /// The user whose rights it has, if it has one's.
    pub acts_as: Option<Arc<UserEntry>>,
}

/// A user who is not disabled, with its roles.
#[derive(Debug)]
pub struct UserEntry {
    /// The user.
    pub user: User,
    roles: HashMap<ProjectId, Role>,
}

impl UserEntry {
    /// The user's roles, in projects that are not deleted.
    pub fn roles(&self) -> impl Iterator<Item = (&ProjectId, Role)> {
        self.roles.iter().map(|(project_id, role)| (project_id, *role))
    }

    /// What the user may in a project; an instance owner is an owner everywhere.
    #[must_use]
    pub fn role_in(&self, project_id: &str) -> Option<Role> {
        if self.user.is_instance_owner {
            return Some(Role::Owner);
        }
        self.roles.get(project_id).copied()
    }
}

impl Directory {
    /// The revision of the store that it shows.
    #[must_use]
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// The key of this sum. Whoever guesses sums learns nothing from the time it takes: the sum of a guess is
    /// not his to choose.
    #[must_use]
    pub fn key_by_sha256(&self, sum: &Sha256Sum) -> Option<&KeyEntry> {
        self.keys.get(sum)
    }

    /// A project that is not deleted.
    #[must_use]
    pub fn project(&self, id: &str) -> Option<&Arc<ProjectEntry>> {
        self.projects.get(id)
    }

    /// All projects, in no order.
    pub fn projects(&self) -> impl Iterator<Item = &Arc<ProjectEntry>> {
        self.projects.values()
    }

    /// A user who is not disabled.
    #[must_use]
    pub fn user(&self, id: Uuid) -> Option<&Arc<UserEntry>> {
        self.users.get(&id)
    }

    /// Projects that are other ones there, or not there.
    fn changed_since<'d>(&'d self, later: &'d Self) -> impl Iterator<Item = &'d ProjectId> {
        let is_same = |entry: &ProjectEntry| {
            let later = later.projects.get(&entry.project.id);
            later.is_some_and(|later| later.changed_revision == entry.changed_revision)
        };
        let entries = self.projects.values();
        entries
            .filter(move |entry| !is_same(entry))
            .map(|entry| &entry.project.id)
    }

    /// The integrations of all projects that are not deleted.
    #[must_use]
    pub const fn integrations(&self) -> &Integrations {
        &self.integrations
    }

    fn queries() -> Vec<Statement> {
        let alive = "project_id IN (SELECT id FROM projects WHERE deleted_at_ms IS NULL)";
        vec![
            revision_query(),
            Statement::new(
                format!(
                    "SELECT {} FROM projects WHERE deleted_at_ms IS NULL",
                    rows::PROJECT
                ),
                [],
            ),
            Statement::new(
                format!("SELECT {} FROM jwt_issuers WHERE {alive}", rows::JWT_ISSUER),
                [],
            ),
            Statement::new(
                format!(
                    "SELECT {} FROM quota_overrides WHERE {alive}",
                    rows::QUOTA_OVERRIDE
                ),
                [],
            ),
            Statement::new(
                format!("SELECT {} FROM users WHERE disabled_at_ms IS NULL", rows::USER),
                [],
            ),
            Statement::new(
                format!("SELECT {} FROM memberships WHERE {alive}", rows::MEMBERSHIP),
                [],
            ),
            Statement::new(
                format!(
                    "SELECT {} FROM api_keys WHERE revoked_at_ms IS NULL",
                    rows::API_KEY
                ),
                [],
            ),
            Statement::new("SELECT id, changed_revision FROM projects", []),
            Statement::new(
                format!("SELECT {} FROM integrations WHERE {alive}", rows::INTEGRATION),
                [],
            ),
        ]
    }

    /// Puts the answers to [`queries`](Self::queries) together.
    fn from_answers(answers: Vec<Vec<Row>>) -> Result<Self, ControlError> {
        let mut answers = answers.into_iter().map(Vec::into_iter);
        let mut next = || answers.next().unwrap_or_default();
        let revision = next().next().map_or(Ok(0), |mut row| row.int())?;
        let projects = all(next(), rows::project)?;
        let mut issuers: HashMap<ProjectId, Vec<JwtIssuer>> = HashMap::new();
        for issuer in all(next(), rows::jwt_issuer)? {
            issuers.entry(issuer.project_id.clone()).or_default().push(issuer);
        }
        let mut overrides: HashMap<ProjectId, Overrides> = HashMap::new();
        for one in all(next(), rows::quota_override)? {
            let of_project = overrides.entry(one.project_id.clone()).or_default();
            of_project.add(one.target, one.limits);
        }
        let users = all(next(), rows::user)?;
        let mut roles: HashMap<Uuid, HashMap<ProjectId, Role>> = HashMap::new();
        for one in all(next(), rows::membership)? {
            let of_user = roles.entry(one.user_id).or_default();
            of_user.insert(one.project_id, one.role);
        }
        let keys = all(next(), rows::api_key)?;
        let changed = all(next(), |row| Ok((row.text()?, row.int()?)))?;
        let changed: HashMap<String, i64> = changed.into_iter().collect();
        let integrations = Integrations::of(all(next(), rows::integration)?);

        let projects: HashMap<_, _> = projects
            .into_iter()
            .map(|project| {
                let entry = ProjectEntry {
                    issuers: issuers.remove(&project.id).unwrap_or_default(),
                    overrides: overrides.remove(&project.id).unwrap_or_default(),
                    changed_revision: changed.get(project.id.as_str()).copied().unwrap_or_default(),
                    project,
                };
                (entry.project.id.clone(), Arc::new(entry))
            })
            .collect();
        let users: HashMap<_, _> = users
            .into_iter()
            .map(|user| {
                let roles = roles.remove(&user.id).unwrap_or_default();
                (user.id, Arc::new(UserEntry { user, roles }))
            })
            .collect();
        let keys = keys
            .into_iter()
            .filter_map(|key| {
                let project = Arc::clone(projects.get(&key.project_id)?);
                let acts_as = match key.acts_as {
                    Some(id) => Some(Arc::clone(users.get(&id)?)),
                    None => None,
                };
                let entry = KeyEntry {
                    key,
                    project,
                    acts_as,
                };
                Some((entry.key.sha256, entry))
            })
            .collect();
        Ok(Self {
            revision,
            projects,
            keys,
            users,
            integrations,
        })
    }
}

fn all<T>(
    rows: impl Iterator<Item = Row>,
    read: impl Fn(&mut Row) -> Result<T, ControlError>,
) -> Result<Vec<T>, ControlError> {
    rows.map(|mut row| read(&mut row)).collect()
}

fn revision_query() -> Statement {
    Statement::new("SELECT revision FROM control_state WHERE id = 1", [])
}

/// Who wants to know of changes.
#[derive(Default)]
pub(super) struct Listener(OnceLock<Listen>);

type Listen = Box<dyn Fn(&ProjectId) + Send + Sync>;

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listener").field(&self.0.get().is_some()).finish()
    }
}

/// How the refreshing of the directory stands.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    // Held over a refresh, so that an older picture never takes the place of a newer one; readers do not need it.
    under_way: tokio::sync::Mutex<()>,
    is_failing: AtomicBool,
}

impl Control {
    /// Takes a new picture, if the revision has moved.
    ///
    /// # Errors
    /// The store cannot be asked, or is damaged; the picture is as it was.
    pub async fn refresh(&self) -> Result<(), ControlError> {
        let _alone = self.inner.refresh.under_way.lock().await;
        let revision = self.one(revision_query(), Row::int).await?;
        if revision == Some(self.directory().revision) {
            return Ok(());
        }
        let mut queries = Directory::queries();
        queries.extend(AlertBook::queries(clock::now().as_millis()));
        let mut answers = self.inner.store.read(queries).await?;
        let of_book = answers.split_off(answers.len().saturating_sub(AlertBook::QUERIES));
        let directory = Arc::new(Directory::from_answers(answers)?);
        let book = AlertBook::from_answers(directory.revision, of_book, &self.inner.alert_book.borrow())?;
        // The book last: who hears of it looks things up in the directory, and would not be called again.
        let before = self.inner.directory.swap(Arc::clone(&directory));
        self.inner.alert_book.send_replace(Arc::new(book));
        if let Some(listener) = self.inner.listener.0.get() {
            before.changed_since(&directory).for_each(listener);
        }
        Ok(())
    }

    /// Calls this for each project of which something has changed, here or on another node, or that is deleted. What is
    /// changed here is told before the call that changes it returns. One may listen; a second one is not heard.
    pub fn on_change(&self, listener: impl Fn(&ProjectId) + Send + Sync + 'static) {
        let _second = self.inner.listener.0.set(Box::new(listener));
    }

    /// Takes a new picture; a failure leaves the old one, and is told once until it is over.
    pub(super) async fn refresh_or_log(&self) {
        let is_failing = &self.inner.refresh.is_failing;
        match self.refresh().await {
            Ok(()) => {
                if is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the control store answers again");
                }
            }
            Err(error) => {
                if !is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the control store does not answer; keys and quotas stay as they are until it does");
                }
            }
        }
    }
}

/// Looks for changes by others every second, and forgets once an hour, as long as someone has the store open.
pub(super) async fn keep_fresh(inner: Weak<Inner>) {
    let mut polls = 0_u32;
    loop {
        tokio::time::sleep(POLL_EVERY).await;
        let Some(inner) = inner.upgrade() else { return };
        let control = Control { inner };
        control.refresh_or_log().await;
        polls = (polls + 1) % POLLS_A_PRUNE;
        if polls == 0 {
            match control.prune(clock::now().as_millis()).await {
                Ok(pruned) => tracing::debug!(?pruned, "old control data is forgotten"),
                Err(error) => tracing::warn!(%error, "old control data could not be forgotten"),
            }
        }
    }
}
