//! Who listens to what happens to alerts: seats, of which there are so many, and the pollers that fill their queues.

mod poller;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::web::Bytes;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::error::{ApiError, Limit};
use crate::control::Control;
use crate::domain::account::ProjectId;
use crate::task;

pub(super) use poller::{Missed, since};

/// Most who listen to one project.
const OF_PROJECT_MAX: usize = 100;
/// Most who listen to this node.
const ALL_MAX: usize = 1_000;
/// Events that wait for one listener; who has more waiting does not read.
const QUEUE_MAX: usize = 256;

/// An event as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) id: Uuid,
    pub(super) bytes: Bytes,
}

/// Everyone who listens to what happens to alerts. A clone is cheap and is the same.
#[derive(Clone, Default)]
pub struct AlertStreams {
    inner: Arc<Mutex<Inner>>,
}

impl fmt::Debug for AlertStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertStreams").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Inner {
    /// Those who listen, by projects. A project that is here has a poller.
    projects: HashMap<ProjectId, Vec<Listener>>,
    next: u64,
    is_stopped: bool,
}

struct Listener {
    number: u64,
    queue: mpsc::Sender<Sent>,
}

/// The place of one listener, which ends with it.
pub(super) struct Seat {
    streams: AlertStreams,
    project_id: ProjectId,
    number: u64,
    pub(super) queue: mpsc::Receiver<Sent>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(listeners) = self.streams.lock().projects.get_mut(&self.project_id) {
            listeners.retain(|one| one.number != self.number);
        }
    }
}

impl AlertStreams {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more who listens to a project, from now on.
    pub(super) fn listen(&self, control: &Control, project_id: &ProjectId) -> Result<Seat, ApiError> {
        let mut inner = self.lock();
        let all: usize = inner.projects.values().map(Vec::len).sum();
        let of_project = inner.projects.get(project_id).map_or(0, Vec::len);
        if inner.is_stopped || all >= ALL_MAX || of_project >= OF_PROJECT_MAX {
            return Err(Limit::Listeners.into());
        }
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        let number = inner.next;
        inner.next += 1;
        if !inner.projects.contains_key(project_id) {
            let poll = poller::run(self.clone(), control.clone(), project_id.clone());
            let _detached = task::spawn("alert stream", poll);
        }
        let listeners = inner.projects.entry(project_id.clone()).or_default();
        listeners.push(Listener { number, queue });
        Ok(Seat {
            streams: self.clone(),
            project_id: project_id.clone(),
            number,
            queue: receiver,
        })
    }

    /// Whether somebody listens to a project. When nobody does, its poller must end.
    pub(super) fn is_heard(&self, project_id: &ProjectId) -> bool {
        let mut inner = self.lock();
        let is_heard = inner.projects.get(project_id).is_some_and(|all| !all.is_empty());
        if !is_heard {
            inner.projects.remove(project_id);
        }
        is_heard
    }

    /// Tells all who listen to a project; who does not read is dropped.
    pub(super) fn tell(&self, project_id: &ProjectId, sent: &Sent) {
        if let Some(listeners) = self.lock().projects.get_mut(project_id) {
            listeners.retain(|one| one.queue.try_send(sent.clone()).is_ok());
        }
    }

    /// Ends all streams, and takes nobody any more: a stop would wait for them.
    pub fn stop(&self) {
        let mut inner = self.lock();
        inner.is_stopped = true;
        inner.projects.values_mut().for_each(Vec::clear);
    }
}
