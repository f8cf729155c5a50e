//! What goes on about vendors beside requests: the watcher, on a thread of its own, and a new key of the vault.

use std::rc::Rc;
use std::time::Duration;

use super::AppError;
use crate::api::ControlState;
use crate::config::Config;
use crate::control::Control;
use crate::domain::account::ProjectId;
use crate::domain::integration::Slug;
use crate::ingest::{Ingest, Shared};
use crate::integrations::Integrations;
use crate::integrations::watcher::Watcher;
use crate::query::watch::ErrorBudgets;
use crate::task;
use crate::wal::Wal;
use crate::warehouse::Warehouse;

/// Watches from now on, if integrations are not turned off.
pub(super) fn start(
    config: &Config,
    wal: &Wal,
    warehouse: &Warehouse,
    state: &ControlState,
    shared: &Shared,
) -> Result<(), AppError> {
    seal_anew(state);
    if !config.integrations.enabled {
        return Ok(());
    }
    let seconds = |s: u32| Duration::from_secs(s.into());
    let (control, integrations, relay) = (
        state.control.clone(),
        state.integrations.clone(),
        state.relay.clone(),
    );
    let (wal, warehouse, shared, ingest) = (
        wal.clone(),
        warehouse.clone(),
        shared.clone(),
        config.ingest.clone(),
    );
    let probe_every = seconds(config.integrations.probe_interval_s);
    let silence_max = seconds(config.integrations.webhook_silence_s);
    let work = move || async move {
        let watcher = Watcher {
            control,
            integrations,
            relay,
            warehouse,
            node: wal.node().to_owned(),
            ingest: Rc::new(Ingest::new(&ingest, wal.lane(), &shared)),
            probe_every: Some(probe_every).filter(|every| !every.is_zero()),
            silence_max,
        };
        watcher.run().await;
    };
    Ok(task::thread("vendor watcher", work)?)
}

/// Which share of what is seen of an integration may fail, by its target.
pub(super) fn budgets(control: &Control, integrations: &Integrations) -> ErrorBudgets {
    let (control, integrations) = (control.clone(), integrations.clone());
    ErrorBudgets::new(move |project, integration| {
        let project = ProjectId::parse("project", project).ok()?;
        let slug = Slug::parse("integration", integration).ok()?;
        let directory = control.directory();
        let integration = directory.integrations().find(&project, &slug)?;
        let sla = integrations.effective(integration).sla;
        Some((100.0 - sla.availability_percent) / 100.0)
    })
}

/// After the vault's key was changed.
fn seal_anew(state: &ControlState) {
    let (integrations, control) = (state.integrations.clone(), state.control.clone());
    let _detached = task::spawn("new key of the vault, integrations", async move {
        if let Err(error) = integrations.seal_anew(&control).await {
            tracing::warn!(%error, "not all integrations are encrypted with the new key of the vault; the next start goes on");
        }
    });
}
