//! Operations on channels. Where one leads is encrypted before it comes here, and decrypted behind.

use serde_json::json;
use uuid::Uuid;

use super::kept::StoredChannel;
use super::{reports, rows};
use crate::clock;
use crate::control::change::Change;
use crate::control::statement::{Statement, Step};
use crate::control::{By, Control, ControlError, List, check};
use crate::domain::account::ProjectId;
use crate::domain::alert::{ChannelDefinition, ChannelKind};
use crate::domain::page::{Page, PageRequest};

/// Most channels of a project.
const CHANNELS_MAX: u32 = 200;

/// A channel to be kept.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// Its id, with which its target was encrypted.
    pub id: Uuid,
    /// What kind of place it is.
    pub kind: ChannelKind,
    /// What it is told.
    pub definition: ChannelDefinition,
    /// Where it leads, encrypted.
    pub sealed_target: Vec<u8>,
}

impl Control {
    /// Makes a channel.
    ///
    /// # Errors
    /// It is not valid, its name is in use, or the project is not there or has as many as it may have.
    pub async fn create_channel(
        &self,
        by: &By,
        project_id: &ProjectId,
        new: NewChannel,
    ) -> Result<StoredChannel, ControlError> {
        let id = new.id;
        self.commit(creation(by, project_id, new)?).await?;
        self.channel(project_id, id).await
    }

    /// A channel of a project.
    ///
    /// # Errors
    /// It is not there.
    pub async fn channel(&self, project_id: &ProjectId, id: Uuid) -> Result<StoredChannel, ControlError> {
        let sql = format!(
            "SELECT {} FROM channels WHERE id = $1 AND project_id = $2",
            rows::CHANNEL
        );
        let query = Statement::new(sql, [id.into(), project_id.as_str().into()]);
        let found = self.one(query, rows::channel).await?;
        found.ok_or(ControlError::NotFound("channel"))
    }

    /// The channels of a project, by their names.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn channels(
        &self,
        project_id: &ProjectId,
        request: PageRequest,
    ) -> Result<Page<StoredChannel>, ControlError> {
        let list = List {
            columns: rows::CHANNEL,
            from: "channels WHERE project_id = $1".into(),
            order: "name, id",
            values: vec![project_id.as_str().into()],
        };
        self.page(&list, request, rows::channel).await
    }

    /// Sets a channel, if its revision is still the one that is named; the answer has the next one. It is on again, if it
    /// is enabled.
    ///
    /// # Errors
    /// It is not valid or not there, its name is in use, or someone else was faster (`Conflict` of `revision`).
    pub async fn update_channel(
        &self,
        by: &By,
        channel: StoredChannel,
    ) -> Result<StoredChannel, ControlError> {
        self.set_channel(by, "channel.update", channel).await
    }

    /// The same for a channel that has nothing new but what signs its messages.
    ///
    /// # Errors
    /// See [`update_channel`](Self::update_channel).
    pub async fn rotate_channel(
        &self,
        by: &By,
        channel: StoredChannel,
    ) -> Result<StoredChannel, ControlError> {
        self.set_channel(by, "channel.rotate", channel).await
    }

    async fn set_channel(
        &self,
        by: &By,
        action: &'static str,
        channel: StoredChannel,
    ) -> Result<StoredChannel, ControlError> {
        self.commit(setting(by, action, &channel)?).await?;
        self.channel(&channel.project_id, channel.id).await
    }

    /// Keeps where a channel leads, which is the same as before, under another key. Nothing is done when the channel has been changed
    /// or deleted meanwhile.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn reseal_channel(
        &self,
        channel: &StoredChannel,
        sealed_target: Vec<u8>,
    ) -> Result<(), ControlError> {
        // Not a new revision: what people see of it is the same.
        let step = Step::new(
            "UPDATE channels SET sealed_target = $4 WHERE id = $1 AND project_id = $2 AND revision = $3",
            [
                channel.id.into(),
                channel.project_id.as_str().into(),
                channel.revision.into(),
                sealed_target.into(),
            ],
        );
        let changed = ControlError::Conflict { field: "revision" };
        let change = Change::new(&By::system(), "channel.reseal", channel.id)
            .about(&channel.project_id)
            .step(step.or(changed.clone()));
        match self.commit(change).await {
            Err(error) if error == changed => Ok(()),
            outcome => outcome,
        }
    }

    /// Turns a channel off that wants to hear nothing any more; notices that wait for it are dead. Nothing is done
    /// when it is off already.
    ///
    /// # Errors
    /// The store cannot be changed.
    pub async fn turn_channel_off(
        &self,
        project_id: &ProjectId,
        id: Uuid,
        reason: &str,
    ) -> Result<(), ControlError> {
        let step = Step::new(
            "UPDATE channels SET disabled_reason = $3, revision = revision + 1 \
             WHERE id = $1 AND project_id = $2 AND disabled_reason IS NULL",
            [id.into(), project_id.as_str().into(), reason.into()],
        );
        let off = ControlError::Conflict {
            field: "disabled_reason",
        };
        let change = Change::new(&By::system(), "channel.turn_off", id)
            .about(project_id)
            .warning()
            .details(json!({ "reason": reason }))
            .step(step.or(off.clone()))
            .step(bury_waiting(id, reason));
        match self.commit(change).await {
            Err(error) if error == off => Ok(()),
            outcome => outcome,
        }
    }

    /// Forgets a channel. It is told nothing more, also not of the end of what it knows; what waits for it is dead.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_channel(
        &self,
        by: &By,
        project_id: &ProjectId,
        id: Uuid,
    ) -> Result<(), ControlError> {
        self.commit(removal(by, project_id, id)).await
    }
}

/// Makes a channel.
pub(in crate::control) fn creation(
    by: &By,
    project_id: &ProjectId,
    new: NewChannel,
) -> Result<Change, ControlError> {
    check(new.definition.faults())?;
    let now_ms = clock::now().as_millis();
    let insert = Step::new(
        "INSERT INTO channels (id, project_id, name, kind, definition, sealed_target, created_at_ms, updated_at_ms, \
             revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            new.id.into(),
            project_id.as_str().into(),
            new.definition.name.as_str().into(),
            new.kind.as_str().into(),
            json!(new.definition).to_string().into(),
            new.sealed_target.into(),
            now_ms.into(),
            now_ms.into(),
            1_i64.into(),
        ],
    );
    Ok(Change::new(by, "channel.create", new.id)
        .within(project_id)
        .details(json!({ "kind": new.kind, "definition": new.definition }))
        .at_most(
            CHANNELS_MAX,
            "channels",
            "channels WHERE project_id = $1",
            [project_id.as_str().into()],
        )
        .step(insert.unique("name")))
}

/// Sets a channel whose revision is still the one that it has. It is on again, if it is enabled.
pub(in crate::control) fn update(by: &By, channel: &StoredChannel) -> Result<Change, ControlError> {
    setting(by, "channel.update", channel)
}

fn setting(by: &By, action: &'static str, channel: &StoredChannel) -> Result<Change, ControlError> {
    check(channel.definition.faults())?;
    let step = Step::new(
        "UPDATE channels SET name = $4, kind = $5, definition = $6, sealed_target = $7, disabled_reason = NULL, \
             updated_at_ms = $8, revision = revision + 1 WHERE id = $1 AND project_id = $2 AND revision = $3",
        [
            channel.id.into(),
            channel.project_id.as_str().into(),
            channel.revision.into(),
            channel.definition.name.as_str().into(),
            channel.kind.as_str().into(),
            json!(channel.definition).to_string().into(),
            channel.sealed_target.clone().into(),
            clock::now().as_millis().into(),
        ],
    );
    let conflict = ControlError::Conflict { field: "revision" };
    Ok(Change::new(by, action, channel.id)
        .within(&channel.project_id)
        .details(json!({ "kind": channel.kind, "definition": channel.definition }))
        .step(step.or(conflict).unique("name")))
}

/// Forgets a channel.
pub(in crate::control) fn removal(by: &By, project_id: &ProjectId, id: Uuid) -> Change {
    let step = Step::new(
        "DELETE FROM channels WHERE id = $1 AND project_id = $2",
        [id.into(), project_id.as_str().into()],
    );
    Change::new(by, "channel.delete", id)
        .within(project_id)
        .step(step.or(ControlError::NotFound("channel")))
        .step(bury_waiting(id, "the channel was deleted"))
        .step(Step::new(
            "DELETE FROM alert_tellings WHERE channel_id = $1",
            [id.into()],
        ))
        .step(reports::forget(id))
}

/// Nothing waits for the channel any more.
fn bury_waiting(channel_id: Uuid, reason: &str) -> Step {
    Step::new(
        "UPDATE outbox SET state = 'dead', last_error = $2, updated_at_ms = $3 WHERE channel_id = $1 AND state = 'waiting'",
        [channel_id.into(), reason.into(), clock::now().as_millis().into()],
    )
}
