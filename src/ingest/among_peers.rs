//! The ingest path of a node that is not alone: the others are asked about the ids that clients have given, between the
//! steps that need no answer and those that depend on it.

use super::outcome::{BatchOutcome, BatchRefusal, Outcome};
use super::rejection::Rejection;
use super::sender::Sender;
use super::settling::Settling;
use super::{Body, Ingest, Looked};
use crate::domain::beacon::Kind;
use crate::domain::row_head::RowHead;
use crate::domain::table::Table;
use crate::peers::{Claim, Peers, SharedId};
use crate::wal::{SealedSegment, TableRows, Wal};

impl Ingest {
    /// True when other nodes must be asked: then [`accept_among_peers`](Self::accept_among_peers) is the way.
    #[must_use]
    pub const fn has_peers(&self) -> bool {
        self.peers.is_some()
    }

    /// [`Ingest::accept`], of which other nodes know.
    ///
    /// # Errors
    /// As there; also while another node stores the beacon.
    pub async fn accept_among_peers(
        &self,
        sender: &Sender<'_>,
        kind: Kind,
        body: Body<'_>,
        received_at_ms: i64,
    ) -> Result<Outcome, Rejection> {
        let text = self.json_text(body)?;
        let mut new = match self.look_at(sender, kind, &text, received_at_ms)? {
            Looked::Known(outcome) => return Ok(outcome),
            Looked::New(new) => new,
        };
        if let (Some(peers), Some(mut reservation)) = (&self.peers, new.reservation.take()) {
            let event_id = new.beacon.common.event_id;
            let id = SharedId::of(sender.project_id(), event_id);
            match peers.claim(&[id]).await.as_deref() {
                Some([Claim::Ours]) => reservation.share(peers, id),
                Some([Claim::Stored]) => {
                    reservation.settle();
                    return Ok(Outcome::Repeated(event_id));
                }
                Some([Claim::UnderWay]) => return Err(Rejection::UnderWay),
                _ => {}
            }
            new.reservation = Some(reservation);
        }
        self.store(sender, kind, new, received_at_ms)
    }

    /// [`Ingest::accept_batch`], of which other nodes know.
    ///
    /// # Errors
    /// As there.
    pub async fn accept_batch_among_peers(
        &self,
        sender: &Sender<'_>,
        body: Body<'_>,
        received_at_ms: i64,
    ) -> Result<(BatchOutcome, Settling), BatchRefusal> {
        let text = self.json_text(body)?;
        let mut taken = self.take_up(sender, &text, received_at_ms)?;
        if let Some(peers) = &self.peers {
            let project_id = sender.project_id();
            let reserved = taken
                .batch
                .beacons
                .iter()
                .filter(|item| taken.reservations.contains_key(&item.index));
            let (places, ids): (Vec<_>, Vec<_>) = reserved
                .map(|item| (item.index, SharedId::of(project_id, item.beacon.common.event_id)))
                .unzip();
            if let Some(claims) = peers.claim(&ids).await {
                let (mut stored, mut under_way) = (Vec::new(), Vec::new());
                for ((place, id), claim) in places.into_iter().zip(ids).zip(claims) {
                    let Some(mut reservation) = taken.reservations.remove(&place) else {
                        continue;
                    };
                    match claim {
                        Claim::Ours => {
                            reservation.share(peers, id);
                            taken.reservations.insert(place, reservation);
                        }
                        Claim::Stored => {
                            reservation.settle();
                            stored.push(place);
                        }
                        Claim::UnderWay => under_way.push(place),
                    }
                }
                let repeated = taken.batch.without_those_of_peers(&stored, &under_way);
                taken.repeated.extend(repeated);
            }
        }
        self.store_batch(sender, taken, received_at_ms)
    }
}

/// Ids that are told at once.
const AT_ONCE: usize = 1_000;

/// Tells the other nodes which events this one's log holds: the process before may have died before it could. Blocks.
pub fn tell_what_the_log_holds(wal: &Wal, segments: &[SealedSegment], peers: &Peers) {
    for segment in segments {
        // One that is gone by now was told of when it was written, or is in the warehouse for long.
        let Ok(rows) = wal.read(segment) else { continue };
        let raw = rows
            .tables
            .iter()
            .filter(|table| Table::from_name(&table.table).is_some_and(|table| !table.is_local()));
        let heads = raw.flat_map(TableRows::rows).filter_map(RowHead::read);
        let ids: Vec<_> = heads
            .map(|head| SharedId::of(head.project_id, head.event_id))
            .collect();
        for some in ids.chunks(AT_ONCE) {
            peers.tell_stored(some.to_vec());
        }
    }
}
