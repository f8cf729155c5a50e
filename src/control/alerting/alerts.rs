//! Alerts as people see them.

use uuid::Uuid;

use super::record::happened;
use super::rows;
use super::states::places;
use crate::clock;
use crate::control::change::Change;
use crate::control::statement::{Row, Statement, Step, Value};
use crate::control::{By, Control, ControlError, List};
use crate::domain::account::ProjectId;
use crate::domain::alert::{Alert, AlertChange, AlertEvent, AlertSource};
use crate::domain::page::{Page, PageRequest};
use crate::domain::rule::Level;

/// Most lines of one alert's history that are read.
const EVENTS_MAX: u32 = 500;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Which alerts by how they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlertStateFilter {
    /// All.
    #[default]
    Any,
    /// Those that are not over.
    Open,
    /// Those that are over.
    Resolved,
}

/// Which alerts of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// How they stand.
    pub state: AlertStateFilter,
    /// How bad they are.
    pub level: Option<Level>,
    /// What they come from.
    pub source: Option<AlertSource>,
    /// Of which rule.
    pub rule_id: Option<Uuid>,
    /// Begun at this time or later.
    pub from_ms: Option<i64>,
    /// Begun before this time.
    pub to_ms: Option<i64>,
}

/// How many alerts of a level began on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// Start of the day of UTC.
    pub day_ms: i64,
    /// The level that they have or had at last.
    pub level: Level,
    /// How many.
    pub count: u64,
    /// Times until the end in all, of those that are over.
    pub lasted_ms: i64,
    /// How many are over.
    pub resolved: u64,
}

impl AlertFilter {
    fn list(&self, project_id: &ProjectId) -> (String, Vec<Value>) {
        let mut from = "alerts WHERE project_id = $1".to_owned();
        let mut values: Vec<Value> = vec![project_id.as_str().into()];
        from.push_str(match self.state {
            AlertStateFilter::Any => "",
            AlertStateFilter::Open => " AND resolved_at_ms IS NULL",
            AlertStateFilter::Resolved => " AND resolved_at_ms IS NOT NULL",
        });
        let mut wanted = |condition: &str, value: Option<Value>| {
            let Some(value) = value else { return };
            values.push(value);
            from.push_str(" AND ");
            from.push_str(&condition.replace("$n", &format!("${}", values.len())));
        };
        wanted("level = $n", self.level.map(|level| level.as_str().into()));
        wanted("source = $n", self.source.map(|source| source.as_str().into()));
        wanted("rule_id = $n", self.rule_id.map(Into::into));
        wanted("started_at_ms >= $n", self.from_ms.map(Into::into));
        wanted("started_at_ms < $n", self.to_ms.map(Into::into));
        (from, values)
    }
}

impl Control {
    /// The alerts of a project, those that are not over first, and the newest of each first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn alerts(
        &self,
        project_id: &ProjectId,
        filter: &AlertFilter,
        request: PageRequest,
    ) -> Result<Page<Alert>, ControlError> {
        let (from, values) = filter.list(project_id);
        let list = List {
            columns: rows::ALERT,
            from: from.into(),
            order: "CASE WHEN resolved_at_ms IS NULL THEN 0 ELSE 1 END, started_at_ms DESC, id DESC",
            values,
        };
        self.page(&list, request, rows::alert).await
    }

    /// An alert of a project.
    ///
    /// # Errors
    /// It is not there.
    pub async fn alert(&self, project_id: &ProjectId, id: Uuid) -> Result<Alert, ControlError> {
        let sql = format!(
            "SELECT {} FROM alerts WHERE id = $1 AND project_id = $2",
            rows::ALERT
        );
        let query = Statement::new(sql, [id.into(), project_id.as_str().into()]);
        let found = self.one(query, rows::alert).await?;
        found.ok_or(ControlError::NotFound("alert"))
    }

    /// Alerts of a project by their ids; those that are not there are left out.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn alerts_of(&self, project_id: &ProjectId, ids: &[Uuid]) -> Result<Vec<Alert>, ControlError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut values: Vec<Value> = vec![project_id.as_str().into()];
        let sql = format!(
            "SELECT {} FROM alerts WHERE project_id = $1 AND id IN ({})",
            rows::ALERT,
            places(ids, &mut values)
        );
        let found = self.rows(Statement::new(sql, values)).await?;
        found.into_iter().map(|mut row| rows::alert(&mut row)).collect()
    }

    /// What has happened to an alert, the first first; of more than 500 the first.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn alert_history(
        &self,
        project_id: &ProjectId,
        id: Uuid,
    ) -> Result<Vec<AlertEvent>, ControlError> {
        let sql = format!(
            "SELECT {} FROM alert_events WHERE alert_id = $1 AND project_id = $2 ORDER BY id LIMIT {EVENTS_MAX}",
            rows::ALERT_EVENT
        );
        let query = Statement::new(sql, [id.into(), project_id.as_str().into()]);
        let found = self.rows(query).await?;
        found
            .into_iter()
            .map(|mut row| rows::alert_event(&mut row))
            .collect()
    }

    /// What has happened to the alerts of a project behind an event, the first first, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn alert_events_after(
        &self,
        project_id: &ProjectId,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<AlertEvent>, ControlError> {
        let sql = format!(
            "SELECT {} FROM alert_events WHERE project_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            rows::ALERT_EVENT
        );
        let values = [project_id.as_str().into(), after.into(), limit.into()];
        let found = self.rows(Statement::new(sql, values)).await?;
        found
            .into_iter()
            .map(|mut row| rows::alert_event(&mut row))
            .collect()
    }

    /// How many alerts began on each day of UTC, by level; days and levels without any are left out.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn alert_days(
        &self,
        project_id: &ProjectId,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<DayCount>, ControlError> {
        // Postgres counts and adds up in types of its own.
        let sql = format!(
            "SELECT started_at_ms / {DAY_MS} AS day, level, CAST(count(*) AS BIGINT), \
             CAST(coalesce(sum(resolved_at_ms - started_at_ms), 0) AS BIGINT), CAST(count(resolved_at_ms) AS BIGINT) \
             FROM alerts WHERE project_id = $1 AND started_at_ms >= $2 AND started_at_ms < $3 \
             GROUP BY started_at_ms / {DAY_MS}, level ORDER BY day, level"
        );
        let values = [project_id.as_str().into(), from_ms.into(), to_ms.into()];
        let found = self.rows(Statement::new(sql, values)).await?;
        found
            .into_iter()
            .map(|mut row| {
                Ok(DayCount {
                    day_ms: row.int()? * DAY_MS,
                    level: row.named("a level", Level::from_name)?,
                    count: u64::try_from(row.int()?).unwrap_or_default(),
                    lasted_ms: row.int()?,
                    resolved: u64::try_from(row.int()?).unwrap_or_default(),
                })
            })
            .collect()
    }

    /// How many alerts of each level began in a time; levels without any are left out.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn alert_counts(
        &self,
        project_id: &ProjectId,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<(Level, u64)>, ControlError> {
        let sql = "SELECT level, CAST(count(*) AS BIGINT) FROM alerts \
                   WHERE project_id = $1 AND started_at_ms >= $2 AND started_at_ms < $3 GROUP BY level";
        let values = [project_id.as_str().into(), from_ms.into(), to_ms.into()];
        let found = self.rows(Statement::new(sql, values)).await?;
        let count = |mut row: Row| {
            let level = row.named("a level", Level::from_name)?;
            Ok((level, u64::try_from(row.int()?).unwrap_or_default()))
        };
        found.into_iter().map(count).collect()
    }

    /// Says that somebody looks after an alert: nobody else is woken, and nobody is reminded. Again by another one: that one
    /// does from then on.
    ///
    /// # Errors
    /// It is not there, or is over (`Conflict` of `resolved_at_ms`).
    pub async fn acknowledge_alert(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
    ) -> Result<Alert, ControlError> {
        let alert = self.alert(project_id, id).await?;
        let now_ms = clock::now().as_millis();
        let step = Step::new(
            "UPDATE alerts SET actor_kind = $3, actor_id = $4, actor_name = $5, acknowledged_at_ms = $6 \
             WHERE id = $1 AND project_id = $2 AND resolved_at_ms IS NULL",
            [
                id.into(),
                project_id.as_str().into(),
                by.actor.kind.as_str().into(),
                by.actor.id.into(),
                by.actor.name.as_str().into(),
                now_ms.into(),
            ],
        );
        let over = ControlError::Conflict {
            field: "resolved_at_ms",
        };
        let event = AlertEvent {
            id: Uuid::now_v7(),
            alert_id: id,
            project_id: project_id.clone(),
            at_ms: now_ms,
            event: AlertChange::Acknowledged,
            level: alert.level,
            value: alert.value,
            actor_name: Some(by.actor.name.clone()),
        };
        let change = Change::new(by, "alert.acknowledge", id)
            .within(project_id)
            .step(step.or(over))
            .step(happened(&event));
        self.commit(change).await?;
        self.alert(project_id, id).await
    }
}
