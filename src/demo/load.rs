//! `fresnel demo --events`: the story straight into the warehouse, some hundred thousand rows an insert.
//!
//! ```text
//! plan ─► blocks (some made at once, on threads) ─► inserts (some at once) ─► ledger, block by block ─► progress
//! ```
//!
//! - A **block** is the rows of some thousand visits that follow one another. The same plan always cuts the same visits
//!   into the same blocks, and a block always has the same tokens: inserted again it changes nothing.
//! - The **ledger** takes what a block adds up to when all of its rows are stored, and blocks in their order. So its
//!   accounts close, and it tells how far a load has come: one that was stopped, however, goes on behind the last
//!   block of the ledger when the same plan is loaded again.
//! - Rows are received when they happen, as if Fresnel had run all the time; they go through the encoder of ingestion.
//! - Memory holds [`BLOCKS_MADE_AT_ONCE`] and [`BLOCKS_STORED_AT_ONCE`] blocks of some 60 MB.

mod block;
mod options;
mod report;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::{StreamExt as _, pin_mut, stream};
use tokio::signal::unix::{SignalKind, signal};

use super::progress::Progress;
use super::{DemoError, own_url};
use crate::config::Config;
use crate::task;
use crate::warehouse::Warehouse;

use block::Block;
use store::Store;

pub(super) use options::LoadOptions;
pub use options::LoadPlan;
pub use report::Loaded;

const BLOCKS_MADE_AT_ONCE: usize = 2;
/// The engine reads and sorts one insert with one thread.
const BLOCKS_STORED_AT_ONCE: usize = 2;

/// Loads what is not loaded yet, and says what was.
///
/// # Errors
/// The warehouse refuses the rows, or does not take them for a while.
pub async fn load(plan: &LoadPlan, warehouse: &Warehouse, config: &Config) -> Result<Loaded, DemoError> {
    let started = Instant::now();
    let store = Store::new(plan, warehouse);
    let mut loaded = Loaded::new(plan, own_url(config), store.past().await?);
    let progress = Progress::of_beacons(plan.events, loaded.events);
    let stop = stop_flag();

    let regular = loaded.blocks..plan.regular_blocks().max(loaded.blocks);
    let made = stream::iter(regular)
        .take_while(|_| std::future::ready(!stop.load(Ordering::Relaxed)))
        .map(|number| make(plan, number, u64::MAX))
        .buffered(BLOCKS_MADE_AT_ONCE);
    let stored = made
        .map(|block| store.rows(block))
        .buffered(BLOCKS_STORED_AT_ONCE);
    pin_mut!(stored);
    while let Some(outcome) = stored.next().await {
        let block = outcome.map_err(|fault| fault.after(loaded.events))?;
        settle(&store, &block, &mut loaded, &progress).await?;
    }
    // How many beacons the visits would have could not be known; the rest comes from further ones.
    while loaded.events < plan.events && !stop.load(Ordering::Relaxed) {
        let block = make(plan, loaded.blocks, plan.events - loaded.events).await;
        let block = store
            .rows(block)
            .await
            .map_err(|fault| fault.after(loaded.events))?;
        settle(&store, &block, &mut loaded, &progress).await?;
    }
    progress.end();
    // As they would be, had the events come day by day.
    warehouse.merge_rollups().await.map_err(DemoError::NotMerged)?;
    loaded.elapsed = started.elapsed();
    Ok(loaded)
}

async fn make(plan: &LoadPlan, number: u64, rows_max: u64) -> Result<Block, tokio::task::JoinError> {
    let plan = plan.clone();
    task::blocking(move || Block::make(&plan, number, rows_max)).await
}

/// The ledger's turn, when the rows are stored.
async fn settle(
    store: &Store<'_>,
    block: &Block,
    loaded: &mut Loaded,
    progress: &Progress,
) -> Result<(), DemoError> {
    store
        .sums(block)
        .await
        .map_err(|fault| fault.after(loaded.events))?;
    loaded.add(block);
    progress.loaded(block.rows());
    Ok(())
}

/// Becomes true when somebody asks for a stop: what is under way is finished then.
fn stop_flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let Ok(mut asked) = signal(kind) else { continue };
        let flag = Arc::clone(&flag);
        let _detached = task::spawn("stop of the demo", async move {
            asked.recv().await;
            eprintln!("stopping: what is under way is finished");
            flag.store(true, Ordering::Relaxed);
        });
    }
    flag
}
