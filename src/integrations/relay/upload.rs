//! Bodies of calls: held until the call is over, so that they can be sent again, or passed on as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::outbound::OutgoingBody;

/// Bytes that are counted as one.
const UNIT_BYTES: u64 = 1_024;

/// What a product sends along.
#[derive(Debug)]
pub enum CallBody {
    /// All of it. It can be sent more than once.
    Held(Bytes, Place),
    /// As it comes. It can be sent once.
    Coming(Coming),
}

impl Default for CallBody {
    fn default() -> Self {
        Self::Held(Bytes::new(), Place::default())
    }
}

impl CallBody {
    /// One that is sent as its pieces are pushed, of so many bytes if that is known.
    #[must_use]
    pub fn coming(bytes: Option<u64>) -> (Upload, Self) {
        let (pieces, body) = OutgoingBody::coming(bytes);
        let (ended, has_ended) = oneshot::channel();
        let is_broken = Arc::new(AtomicBool::new(false));
        let upload = Upload {
            pieces,
            is_broken: Arc::clone(&is_broken),
            _ended: ended,
        };
        let coming = Coming {
            body: Some(body),
            has_ended: Some(has_ended),
            is_broken,
        };
        (upload, Self::Coming(coming))
    }

    /// All of it, if it is held.
    pub(super) const fn held(&self) -> Option<&Bytes> {
        match self {
            Self::Held(bytes, _) => Some(bytes),
            Self::Coming(_) => None,
        }
    }
}

/// A body that is passed on.
#[derive(Debug)]
pub struct Coming {
    body: Option<OutgoingBody>,
    has_ended: Option<oneshot::Receiver<()>>,
    is_broken: Arc<AtomicBool>,
}

impl Coming {
    /// The body, once; and what resolves when it has ended.
    pub(super) fn take(&mut self) -> Option<(OutgoingBody, oneshot::Receiver<()>)> {
        self.body.take().zip(self.has_ended.take())
    }

    /// Whether it broke off, which is not the vendor's fault.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }
}

/// Where the pieces of a body go that is passed on. Dropped, it ends the body.
#[derive(Debug)]
pub struct Upload {
    pieces: mpsc::Sender<Result<Bytes, std::io::Error>>,
    is_broken: Arc<AtomicBool>,
    _ended: oneshot::Sender<()>,
}

impl Upload {
    /// Passes a piece on, as soon as the vendor takes it. False: nobody wants more of it.
    pub async fn push(&mut self, piece: Bytes) -> bool {
        self.pieces.send(Ok(piece)).await.is_ok()
    }

    /// Ends the call: the rest of the body will not come.
    pub async fn break_off(self) {
        self.is_broken.store(true, Ordering::Relaxed);
        let error = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        // Whoever wants no more of it has not been broken off.
        let _ = self.pieces.send(Err(error)).await;
    }
}

/// Room for bodies that are held. A clone is the same.
#[derive(Clone, Debug)]
pub struct Room {
    free: Arc<Semaphore>,
    body_max_bytes: u64,
}

/// A place in it, given back when it is dropped.
#[derive(Debug, Default)]
pub struct Place {
    _taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new(body_max_bytes: u64, bytes_max: u64) -> Self {
        let units = usize::try_from(bytes_max / UNIT_BYTES).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
            body_max_bytes,
        }
    }

    /// A place for a body of so many bytes, or of any length if that is not known; none: it is too long, or there is no room now.
    #[must_use]
    pub fn place(&self, bytes: Option<u64>) -> Option<Place> {
        let bytes = bytes.unwrap_or(self.body_max_bytes);
        if bytes > self.body_max_bytes {
            return None;
        }
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).ok()?;
        let taken = Arc::clone(&self.free).try_acquire_many_owned(units).ok()?;
        Some(Place { _taken: Some(taken) })
    }

    /// Longest body that is held.
    #[must_use]
    pub const fn body_max_bytes(&self) -> u64 {
        self.body_max_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_held_while_there_is_room_and_the_room_comes_back() {
        let room = Room::new(4_096, 6 * 1_024);
        let whole = room.place(None);
        assert!(whole.is_some());
        assert!(room.place(Some(2_049)).is_none(), "only two units are left");
        let rest = room.place(Some(2_048));
        assert!(rest.is_some());
        assert!(room.place(Some(0)).is_some(), "what is empty needs none");
        drop((whole, rest));
        assert!(room.place(Some(4_096)).is_some());
        assert!(room.place(Some(4_097)).is_none(), "too long to be held");
    }
}
