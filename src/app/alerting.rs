//! Alerts with their parts: the vault, the sender, what rules look at.

use super::{AppError, warehouse_link};
use crate::alerts::channels::Sender;
use crate::alerts::evaluator::{CacheCounts, Gauges, Measure};
use crate::alerts::reporter::Sources;
use crate::alerts::targets::Targets;
use crate::alerts::{Alerts, Parts};
use crate::api::{Answers, ControlState};
use crate::config::Config;
use crate::control::Control;
use crate::ledger::Ledger;
use crate::memory::Pressure;
use crate::outbound::Outbound;
use crate::tap::Tap;
use crate::vault::Vault;
use crate::wal::Wal;
use crate::warehouse::Warehouse;

/// Channels, which the API tests and changes.
pub(super) fn open(
    config: &Config,
    vault: Vault,
    control: &Control,
    outbound: &Outbound,
) -> Result<Alerts, AppError> {
    let sender = Sender::new(&config.smtp, outbound.clone())?;
    Ok(Alerts::new(control.clone(), Targets::new(vault), sender))
}

/// What is looked at.
pub(super) struct Watched<'a> {
    warehouse: &'a Warehouse,
    ledger: &'a Ledger,
    wal: &'a Wal,
    pressure: &'a Pressure,
    answers: &'a Answers,
}

impl<'a> Watched<'a> {
    pub(super) const fn new(
        warehouse: &'a Warehouse,
        ledger: &'a Ledger,
        wal: &'a Wal,
        pressure: &'a Pressure,
        answers: &'a Answers,
    ) -> Self {
        Self {
            warehouse,
            ledger,
            wal,
            pressure,
            answers,
        }
    }
}

/// Evaluates and delivers from now on. The tap that it gives looks at beacons once it is in the ingest path.
pub(super) fn start(config: &Config, state: &ControlState, watched: &Watched<'_>) -> Result<Tap, AppError> {
    let (tap, seen) = Tap::new();
    let answers = watched.answers.clone();
    let cache = move || {
        let status = answers.status();
        CacheCounts {
            lookups: status.lookups,
            hits: status.hits,
        }
    };
    let measure = Measure {
        warehouse: watched.warehouse.clone(),
        ledger: watched.ledger.clone(),
        wal: watched.wal.clone(),
        gauges: Gauges::new(watched.pressure.clone(), cache),
        budgets: state.budgets.clone(),
        control: state.control.clone(),
    };
    let sources = Sources {
        warehouse: watched.warehouse.clone(),
        retention: warehouse_link::retention(&config.warehouse),
        ledger: watched.ledger.clone(),
    };
    let parts = Parts {
        control: state.control.clone(),
        node: watched.wal.node().to_owned(),
        measure,
        sources,
        tap: tap.clone(),
        seen,
    };
    let started = state.alerts.start(&config.alerts, &config.client_alerts, parts);
    started.map_err(AppError::Setting)?;
    Ok(tap)
}
