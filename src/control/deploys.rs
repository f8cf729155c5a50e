//! Operations on deploys.

use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Statement, Step, Value};
use super::{By, Control, ControlError, List, rows};
use crate::clock;
use crate::domain::account::ProjectId;
use crate::domain::dashboard::{Deploy, Label, Link, Note};
use crate::domain::page::{Page, PageRequest};

/// Most deploys of a project; beyond it the oldest are forgotten.
const DEPLOYS_MAX: u32 = 10_000;
/// Most deploys that are marked in one series.
const MARKERS_MAX: u32 = 500;

/// A deploy to be kept.
#[derive(Clone, Debug)]
pub struct NewDeploy {
    /// What went live.
    pub release: Label,
    /// Where; none for everywhere.
    pub environment: Option<Label>,
    /// When it went live; none for now.
    pub deployed_at_ms: Option<i64>,
    /// What is new.
    pub description: Option<Note>,
    /// Where to read more.
    pub url: Option<Link>,
}

/// Which deploys are wanted; what is none wants all.
#[derive(Clone, Debug, Default)]
pub struct DeployFilter {
    /// Those of this environment, and those that name none.
    pub environment: Option<Label>,
    /// Not before this time.
    pub from_ms: Option<i64>,
    /// Before this time.
    pub to_ms: Option<i64>,
}

impl Control {
    /// Keeps a deploy. Of more than 10,000 in a project the oldest are forgotten.
    ///
    /// # Errors
    /// The project is not there.
    pub async fn create_deploy(
        &self,
        by: &By,
        project_id: &ProjectId,
        new: NewDeploy,
    ) -> Result<Deploy, ControlError> {
        let now_ms = clock::now().as_millis();
        let deploy = Deploy {
            id: Uuid::now_v7(),
            project_id: project_id.clone(),
            release: new.release,
            environment: new.environment,
            deployed_at_ms: new.deployed_at_ms.unwrap_or(now_ms),
            description: new.description,
            url: new.url,
            created_at_ms: now_ms,
        };
        let text = |text: Option<&str>| Value::from(text);
        let insert = Step::new(
            "INSERT INTO deploys (id, project_id, release, environment, deployed_at_ms, description, url, \
             created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            [
                deploy.id.into(),
                project_id.as_str().into(),
                deploy.release.as_str().into(),
                text(deploy.environment.as_ref().map(Label::as_str)),
                deploy.deployed_at_ms.into(),
                text(deploy.description.as_ref().map(Note::as_str)),
                text(deploy.url.as_ref().map(Link::as_str)),
                now_ms.into(),
            ],
        );
        let change = Change::new(by, "deploy.create", deploy.id)
            .within(project_id)
            .details(
                json!({ "release": deploy.release, "environment": deploy.environment,
                "deployed_at_ms": deploy.deployed_at_ms }),
            )
            // Before the new one, which may be of long ago.
            .step(forget_the_oldest(project_id))
            .step(insert);
        self.commit(change).await?;
        Ok(deploy)
    }

    /// The deploys of a project within `from_ms` to `to_ms`, the oldest first; of more than 500 the newest.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn deploys(
        &self,
        project_id: &ProjectId,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<Deploy>, ControlError> {
        let filter = DeployFilter {
            environment: None,
            from_ms: Some(from_ms),
            to_ms: Some(to_ms),
        };
        let page = self
            .deploy_page(project_id, &filter, PageRequest::new(1, MARKERS_MAX))
            .await?;
        Ok(page.items.into_iter().rev().collect())
    }

    /// The deploys of a project, the newest first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn deploy_page(
        &self,
        project_id: &ProjectId,
        filter: &DeployFilter,
        request: PageRequest,
    ) -> Result<Page<Deploy>, ControlError> {
        let mut from = "deploys WHERE project_id = $1".to_owned();
        let mut values: Vec<Value> = vec![project_id.as_str().into()];
        let mut wanted = |condition: &str, value: Option<Value>| {
            let Some(value) = value else { return };
            values.push(value);
            from.push_str(" AND ");
            from.push_str(&condition.replace("$n", &format!("${}", values.len())));
        };
        let environment = filter.environment.as_ref().map(Label::as_str);
        wanted(
            "(environment = $n OR environment IS NULL)",
            environment.map(Into::into),
        );
        wanted("deployed_at_ms >= $n", filter.from_ms.map(Into::into));
        wanted("deployed_at_ms < $n", filter.to_ms.map(Into::into));
        let list = List {
            columns: rows::DEPLOY,
            from: from.into(),
            order: "deployed_at_ms DESC, id DESC",
            values,
        };
        self.page(&list, request, rows::deploy).await
    }

    /// A deploy of a project.
    ///
    /// # Errors
    /// It is not there.
    pub async fn deploy(&self, project_id: &ProjectId, id: Uuid) -> Result<Deploy, ControlError> {
        let sql = format!(
            "SELECT {} FROM deploys WHERE id = $1 AND project_id = $2",
            rows::DEPLOY
        );
        let query = Statement::new(sql, [id.into(), project_id.as_str().into()]);
        let found = self.one(query, rows::deploy).await?;
        found.ok_or(ControlError::NotFound("deploy"))
    }

    /// Forgets a deploy.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_deploy(&self, by: &By, project_id: &ProjectId, id: Uuid) -> Result<(), ControlError> {
        let step = Step::new(
            "DELETE FROM deploys WHERE id = $1 AND project_id = $2",
            [id.into(), project_id.as_str().into()],
        );
        let change = Change::new(by, "deploy.delete", id)
            .within(project_id)
            .step(step.or(ControlError::NotFound("deploy")));
        self.commit(change).await
    }
}

/// Makes room for one more.
fn forget_the_oldest(project_id: &ProjectId) -> Step {
    let kept = DEPLOYS_MAX - 1;
    Step::new(
        format!(
            "DELETE FROM deploys WHERE id IN (SELECT id FROM deploys WHERE project_id = $1 \
             ORDER BY deployed_at_ms DESC, id DESC LIMIT {DEPLOYS_MAX} OFFSET {kept})"
        ),
        [project_id.as_str().into()],
    )
}
