//! Bodies of calls: held until the call is over, so that they can be sent again, or passed on as they come.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::outbound::{OutgoingBody, Piece};

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
        let (waits, progress) = watch::channel(WaitsFor::Product);
        let coming = Coming {
            body: Some(body),
            progress: Progress(progress),
        };
        (Upload { waits, pieces }, Self::Coming(coming))
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
    progress: Progress,
}

impl Coming {
    /// The body, once; and how it goes with it.
    pub(super) fn take(&mut self) -> Option<(OutgoingBody, Progress)> {
        self.body.take().map(|body| (body, self.progress.clone()))
    }

    /// Whether it broke off, which is not the vendor's fault.
    pub(super) fn is_broken(&self) -> bool {
        let waits = &self.progress.0;
        waits.has_changed().is_err() && *waits.borrow() != WaitsFor::Answer
    }
}

/// What a call waits for whose body is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitsFor {
    /// The next piece of the body.
    Product,
    /// The vendor is to take a piece.
    Vendor,
    /// The vendor's answer: nothing more of the body will be sent.
    Answer,
}

/// See [`Coming::take`].
#[derive(Clone, Debug)]
pub(super) struct Progress(watch::Receiver<WaitsFor>);

impl Progress {
    /// Resolves when the vendor has kept the call waiting for so long in one piece: true; or when the body has broken off: false.
    /// The time that the product takes for its body is its own affair.
    pub(super) async fn stalls(mut self, stall_max: Duration) -> bool {
        let waits = &mut self.0;
        loop {
            if waits.wait_for(|waits| *waits != WaitsFor::Product).await.is_err() {
                return false;
            }
            let given_up_at = Instant::now() + stall_max;
            let goes_on = async {
                waits
                    .wait_for(|waits| *waits == WaitsFor::Product)
                    .await
                    .map(drop)
            };
            let Ok(goes_on) = timeout_at(given_up_at, goes_on).await else {
                return true;
            };
            // Whoever pushed is gone.
            if goes_on.is_err() {
                let has_all = *waits.borrow() == WaitsFor::Answer;
                if has_all {
                    sleep_until(given_up_at).await;
                }
                return has_all;
            }
        }
    }
}

/// Where the pieces of a body go that is passed on. Dropped before its [`end`](Self::end), it breaks the call off.
#[derive(Debug)]
pub struct Upload {
    // Dropped first: whoever sees that no piece will come sees that it was broken off.
    waits: watch::Sender<WaitsFor>,
    pieces: mpsc::Sender<Piece>,
}

impl Upload {
    /// Passes a piece on, as soon as the vendor takes it. False: nobody wants more of it.
    pub async fn push(&mut self, piece: Bytes) -> bool {
        let is_taken = match self.pieces.try_send(Piece::Data(piece)) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(piece)) => {
                self.waits.send_replace(WaitsFor::Vendor);
                self.pieces.send(piece).await.is_ok()
            }
        };
        // Who wants no more of it has answered, or failed: it has not been broken off.
        let waits_for = if is_taken {
            WaitsFor::Product
        } else {
            WaitsFor::Answer
        };
        self.waits
            .send_if_modified(|waits| std::mem::replace(waits, waits_for) != waits_for);
        is_taken
    }

    /// That was the whole body.
    pub async fn end(self) {
        self.waits.send_replace(WaitsFor::Answer);
        // Whoever wants no more of it does not want to know that this is all, either.
        let _ = self.pieces.send(Piece::End).await;
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
    use http_body_util::BodyExt as _;

    use super::*;

    const STALL_MAX: Duration = Duration::from_millis(200);

    fn piece() -> Bytes {
        Bytes::from_static(b"some of it")
    }

    #[tokio::test]
    async fn the_vendors_time_begins_behind_the_last_piece() {
        let (mut upload, CallBody::Coming(mut coming)) = CallBody::coming(None) else {
            panic!("it comes");
        };
        let (mut body, progress) = coming.take().expect("the first");
        let product = async {
            // It takes its time.
            for _ in 0..2 {
                tokio::time::sleep(STALL_MAX).await;
                assert!(upload.push(piece()).await);
                assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
            }
            let ended_at = Instant::now();
            upload.end().await;
            assert!(body.frame().await.is_none());
            ended_at
        };
        let vendor = async { (progress.stalls(STALL_MAX).await, Instant::now()) };
        let (ended_at, (stalls, given_up_at)) = tokio::join!(product, vendor);
        assert!(stalls && !coming.is_broken());
        assert!(given_up_at - ended_at >= STALL_MAX);
    }

    #[tokio::test]
    async fn a_vendor_that_takes_nothing_is_given_up() {
        let (mut upload, CallBody::Coming(mut coming)) = CallBody::coming(None) else {
            panic!("it comes");
        };
        let (_body, progress) = coming.take().expect("the first");
        let pushing = async { while upload.push(piece()).await {} };
        let begun = Instant::now();
        tokio::select! {
            stalls = progress.stalls(STALL_MAX) => assert!(stalls),
            () = pushing => panic!("somebody took it"),
        }
        assert!(begun.elapsed() >= STALL_MAX);
        assert!(!coming.is_broken());
    }

    #[tokio::test]
    async fn what_is_dropped_before_its_end_never_looks_whole_and_is_the_products_fault() {
        let (mut upload, CallBody::Coming(mut coming)) = CallBody::coming(None) else {
            panic!("it comes");
        };
        let (mut body, progress) = coming.take().expect("the first");
        assert!(upload.push(piece()).await);
        drop(upload);
        assert!(!progress.stalls(STALL_MAX).await && coming.is_broken());
        assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
        assert!(body.frame().await.is_some_and(|frame| frame.is_err()));

        let (mut upload, CallBody::Coming(mut coming)) = CallBody::coming(None) else {
            panic!("it comes");
        };
        drop(coming.take());
        assert!(
            !upload.push(piece()).await,
            "the vendor has answered, or has failed"
        );
        drop(upload);
        assert!(!coming.is_broken());
    }

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
