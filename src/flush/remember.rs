//! Writes down what must outlive a segment, before the log lets go of it.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;

use super::ahead::Loaded;
use crate::clock;
use crate::metric_definitions::RECALL_LOST;
use crate::recall::Recall;
use crate::task;

const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);

/// Tries for some seconds, and then lets the segment go: a full disk must not keep the log from being emptied. What is
/// lost then is lost for the next start only; this process still has it in memory.
pub(super) async fn remember(recall: &Recall, segment: &Arc<Loaded>) {
    if segment.notes().next().is_none() {
        return;
    }
    let mut tries = 0;
    loop {
        let (journals, noted) = (recall.clone(), Arc::clone(segment));
        let work = move || journals.note_segment(noted.source, noted.notes(), clock::now().as_millis());
        let error = match task::blocking(work).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        tries += 1;
        if tries == TRIES {
            tracing::error!(segment = %segment.id, error, "quota counts and ids of a segment cannot be written down; a restart would forget them");
            counter!(RECALL_LOST).increment(1);
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
