//! All that can be declared in files: read in one snapshot, and changed in one transaction.

use uuid::Uuid;

use super::alerting::{self, NewChannel, StoredChannel};
use super::change::Change;
use super::statement::{Statement, Step};
use super::{By, Control, ControlError, NewUser, Row, UserChange, issuers, overrides, projects, rows, users};
use crate::domain::account::{
    JwtIssuer, Membership, PartialLimits, Project, ProjectId, QuotaOverride, QuotaTarget, Role, User,
};
use crate::domain::rule::{Rule, RuleDefinition};

/// The control data of one moment, without keys, sessions and tokens, and without what belongs to deleted projects.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The revision of the store that it shows.
    pub revision: i64,
    /// The projects, by their ids.
    pub projects: Vec<Project>,
    /// Ids that are not given again.
    pub deleted_projects: Vec<ProjectId>,
    /// The issuers, the oldest first.
    pub issuers: Vec<JwtIssuer>,
    /// The overrides, the oldest first.
    pub overrides: Vec<QuotaOverride>,
    /// The rules, by their names.
    pub rules: Vec<Rule>,
    /// The channels, by their names.
    pub channels: Vec<StoredChannel>,
    /// All users, disabled ones too, the oldest first.
    pub users: Vec<User>,
    /// Their roles.
    pub memberships: Vec<Membership>,
}

/// One of the changes that are made together.
#[derive(Clone, Debug)]
pub enum Edit {
    /// See [`Control::create_project`].
    CreateProject(Project),
    /// See [`Control::update_project`].
    UpdateProject(Project),
    /// See [`Control::create_override`].
    CreateOverride(ProjectId, QuotaTarget, PartialLimits),
    /// See [`Control::update_override`].
    UpdateOverride(ProjectId, Uuid, PartialLimits),
    /// See [`Control::delete_override`].
    DeleteOverride(ProjectId, Uuid),
    /// See [`Control::create_issuer`].
    CreateIssuer(JwtIssuer),
    /// See [`Control::update_issuer`].
    UpdateIssuer(JwtIssuer),
    /// See [`Control::delete_issuer`].
    DeleteIssuer(ProjectId, Uuid),
    /// See [`Control::create_rule`].
    CreateRule(ProjectId, RuleDefinition),
    /// See [`Control::update_rule`].
    UpdateRule(Rule),
    /// See [`Control::delete_rule`].
    DeleteRule(ProjectId, Uuid),
    /// See [`Control::create_channel`].
    CreateChannel(ProjectId, NewChannel),
    /// See [`Control::update_channel`].
    UpdateChannel(StoredChannel),
    /// See [`Control::delete_channel`].
    DeleteChannel(ProjectId, Uuid),
    /// See [`Control::create_user`]; with the id that it shall have.
    CreateUser(Uuid, NewUser),
    /// See [`Control::update_user`].
    UpdateUser(Uuid, UserChange),
    /// See [`Control::set_role`].
    SetRole(ProjectId, Uuid, Role),
}

impl Edit {
    fn into_change(self, by: &By) -> Result<Change, ControlError> {
        Ok(match self {
            Self::CreateProject(project) => projects::creation(by, project)?.0,
            Self::UpdateProject(project) => projects::update(by, &project)?,
            Self::CreateOverride(project_id, target, limits) => {
                overrides::creation(by, &project_id, target, limits)?.0
            }
            Self::UpdateOverride(project_id, id, limits) => overrides::update(by, &project_id, id, limits)?,
            Self::DeleteOverride(project_id, id) => overrides::removal(by, &project_id, id),
            Self::CreateIssuer(issuer) => issuers::creation(by, issuer)?.0,
            Self::UpdateIssuer(issuer) => issuers::update(by, &issuer)?,
            Self::DeleteIssuer(project_id, id) => issuers::removal(by, &project_id, id),
            Self::CreateRule(project_id, definition) => {
                alerting::rules::creation(by, &project_id, definition)?.0
            }
            Self::UpdateRule(rule) => alerting::rules::update(by, &rule)?,
            Self::DeleteRule(project_id, id) => alerting::rules::removal(by, &project_id, id),
            Self::CreateChannel(project_id, new) => alerting::channels::creation(by, &project_id, new)?,
            Self::UpdateChannel(channel) => alerting::channels::update(by, &channel)?,
            Self::DeleteChannel(project_id, id) => alerting::channels::removal(by, &project_id, id),
            Self::CreateUser(id, new) => users::creation(by, id, new).0,
            Self::UpdateUser(id, to) => users::update(by, id, &to),
            Self::SetRole(project_id, user_id, role) => {
                users::role_change(by, &project_id, user_id, Some(role))
            }
        })
    }
}

impl Control {
    /// All that can be declared, as it is in one moment.
    ///
    /// # Errors
    /// The store cannot be asked, or is damaged.
    pub async fn inventory(&self) -> Result<Inventory, ControlError> {
        let alive = "project_id IN (SELECT id FROM projects WHERE deleted_at_ms IS NULL)";
        let list = |columns: &str, from: &str, order: &str| {
            Statement::new(format!("SELECT {columns} FROM {from} ORDER BY {order}"), [])
        };
        let queries = vec![
            Statement::new("SELECT revision FROM control_state WHERE id = 1", []),
            list(rows::PROJECT, "projects WHERE deleted_at_ms IS NULL", "id"),
            list("id", "projects WHERE deleted_at_ms IS NOT NULL", "id"),
            list(
                rows::JWT_ISSUER,
                &format!("jwt_issuers WHERE {alive}"),
                "created_at_ms, id",
            ),
            list(
                rows::QUOTA_OVERRIDE,
                &format!("quota_overrides WHERE {alive}"),
                "created_at_ms, id",
            ),
            list(alerting::rows::RULE, &format!("rules WHERE {alive}"), "name, id"),
            list(
                alerting::rows::CHANNEL,
                &format!("channels WHERE {alive}"),
                "name, id",
            ),
            list(rows::USER, "users", "created_at_ms, id"),
            list(
                rows::MEMBERSHIP,
                &format!("memberships WHERE {alive}"),
                "project_id, user_id",
            ),
        ];
        let answers = self.inner.store.read(queries).await?;
        let mut answers = answers.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        Ok(Inventory {
            revision: next().into_iter().next().map_or(Ok(0), |mut row| row.int())?,
            projects: all(next(), rows::project)?,
            deleted_projects: all(next(), |row| {
                row.parsed("a project", |text| ProjectId::parse("", text))
            })?,
            issuers: all(next(), rows::jwt_issuer)?,
            overrides: all(next(), rows::quota_override)?,
            rules: all(next(), alerting::rows::rule)?,
            channels: all(next(), alerting::rows::channel)?,
            users: all(next(), rows::user)?,
            memberships: all(next(), rows::membership)?,
        })
    }

    /// Makes all edits in their order, each with its audit entry, or none of them; and none when anything has changed
    /// since the revision that was `seen`.
    ///
    /// # Errors
    /// Something has changed (`Conflict` of `revision`), and whatever the single operations refuse.
    pub async fn make_all(&self, by: &By, seen: i64, edits: Vec<Edit>) -> Result<(), ControlError> {
        if edits.is_empty() {
            return Ok(());
        }
        let changes = edits.into_iter().map(|edit| edit.into_change(by));
        let changes = changes.collect::<Result<Vec<_>, _>>()?;
        let raise = Step::new(
            "UPDATE control_state SET revision = revision + 1 WHERE id = 1 AND revision = $1",
            [seen.into()],
        );
        let raise = raise.or(ControlError::Conflict { field: "revision" });
        self.commit_all(raise, changes).await
    }
}

fn all<T>(
    rows: Vec<Row>,
    read: impl Fn(&mut Row) -> Result<T, ControlError>,
) -> Result<Vec<T>, ControlError> {
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}
