//! Notices that are sent at once.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::account::ProjectId;
use crate::domain::alert::{Delivery, Notice};

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// The same on each try.
    pub(super) id: Uuid,
    pub(super) project_id: ProjectId,
    pub(super) channel_id: Uuid,
    /// It has not been tried, and nobody knows of it yet.
    pub(super) is_new: bool,
    deliveries: Vec<Delivery>,
}

impl Outgoing {
    fn new(id: Uuid, first: Delivery, is_new: bool) -> Self {
        Self {
            id,
            project_id: first.project_id.clone(),
            channel_id: first.channel_id,
            is_new,
            deliveries: vec![first],
        }
    }

    /// Ids of its notices.
    pub(super) fn ids(&self) -> Vec<Uuid> {
        self.deliveries.iter().map(|delivery| delivery.id).collect()
    }

    /// What it tells.
    pub(super) fn notices(&self) -> Vec<Notice> {
        self.deliveries
            .iter()
            .map(|delivery| delivery.notice.clone())
            .collect()
    }

    /// How often it was tried.
    pub(super) fn attempts(&self) -> u32 {
        self.deliveries
            .iter()
            .map(|delivery| delivery.attempts)
            .max()
            .unwrap_or_default()
    }
}

/// Puts notices into messages: those of one that was tried stay together, and new ones of a channel go together where it `waits` for
/// others. A new message has the id of its first notice.
pub(super) fn put_together(deliveries: Vec<Delivery>, waits: impl Fn(Uuid) -> bool) -> Vec<Outgoing> {
    let mut messages: Vec<Outgoing> = Vec::new();
    let mut tried: BTreeMap<Uuid, usize> = BTreeMap::new();
    let mut waiting: BTreeMap<Uuid, usize> = BTreeMap::new();
    for delivery in deliveries {
        let place = match delivery.message_id {
            Some(id) => tried.get(&id).copied(),
            None if is_alone(&delivery) => None,
            None => waiting.get(&delivery.channel_id).copied(),
        };
        if let Some(place) = place {
            messages[place].deliveries.push(delivery);
            continue;
        }
        let place = messages.len();
        let message = match delivery.message_id {
            Some(id) => {
                tried.insert(id, place);
                Outgoing::new(id, delivery, false)
            }
            None => {
                if waits(delivery.channel_id) && !is_alone(&delivery) {
                    waiting.insert(delivery.channel_id, place);
                }
                Outgoing::new(delivery.id, delivery, true)
            }
        };
        messages.push(message);
    }
    messages
}

/// A report is a message of its own.
const fn is_alone(delivery: &Delivery) -> bool {
    delivery.notice.report.is_some()
}
