//! Reports of weeks: into the outbox once for each channel and week, whichever node is the first.

use serde_json::json;
use uuid::Uuid;

use super::states::places;
use crate::control::statement::{Statement, Step, Value};
use crate::control::{Control, ControlError};
use crate::domain::alert::Notice;

/// The report of the week is there already, or the channel is gone.
const DONE: ControlError = ControlError::Conflict { field: "report" };

impl Control {
    /// Channels, of those that are named, that have the report of the week that ends at `to_ms`.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn reported_channels(&self, channels: &[Uuid], to_ms: i64) -> Result<Vec<Uuid>, ControlError> {
        let names: Vec<String> = channels.iter().copied().map(mark).collect();
        let mut values: Vec<Value> = vec![to_ms.into()];
        let sql = format!(
            "SELECT name FROM marks WHERE at_ms >= $1 AND name IN ({})",
            places(&names, &mut values)
        );
        let mut found = Vec::new();
        for mut row in self.rows(Statement::new(sql, values)).await? {
            let name = row.text()?;
            found.extend(channels.iter().copied().filter(|id| mark(*id) == name));
        }
        Ok(found)
    }

    /// Puts the report of a week into the outbox, and notes that the channel has it. False when it had it already, or is gone.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn deliver_report(
        &self,
        channel_id: Uuid,
        to_ms: i64,
        notice: &Notice,
    ) -> Result<bool, ControlError> {
        let once = Step::new(
            "INSERT INTO marks (name, at_ms) SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT) FROM channels WHERE id = $3 \
             ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms WHERE marks.at_ms < excluded.at_ms",
            [mark(channel_id).into(), to_ms.into(), channel_id.into()],
        );
        let deliver = Step::new(
            "INSERT INTO outbox (id, project_id, channel_id, alert_id, notice, state, attempts, next_at_ms, holder, \
             lease_until_ms, created_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $6, '', 0, $6, $6)",
            [
                Uuid::now_v7().into(),
                notice.project_id.as_str().into(),
                channel_id.into(),
                notice.alert_id.into(),
                json!(notice).to_string().into(),
                notice.at_ms.into(),
            ],
        );
        match self.inner.store.change(vec![once.or(DONE), deliver]).await {
            Ok(()) => Ok(true),
            Err(error) if error == DONE => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Forgets which reports a channel has.
pub(super) fn forget(channel_id: Uuid) -> Step {
    Step::new("DELETE FROM marks WHERE name = $1", [mark(channel_id).into()])
}

/// Name of the mark that says up to when a channel has reports.
fn mark(channel_id: Uuid) -> String {
    format!("report:{channel_id}")
}
