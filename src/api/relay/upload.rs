//! The body of a relayed call on its way in: held if there is room for it, otherwise passed on as it comes.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::web::{Bytes, Payload};
use tokio::sync::oneshot;

use crate::api::body::{Begin, next_piece, read_begin};
use crate::api::error::ApiError;
use crate::api::manage::ControlState;
use crate::ingest::Rejection;
use crate::integrations::relay::{CallBody, Upload};
use crate::task;

/// A request's body, or what stands for it while it is passed on. It is kept until the answer is sent: actix-web ends the connection then,
/// if the body is not at its end.
pub(super) struct Incomer {
    payload: Option<Payload>,
    /// Why it broke off while it was passed on.
    why: Rc<OnceCell<Rejection>>,
    /// Dropped with this, it ends the passing on.
    _answered: Option<oneshot::Sender<()>>,
}

impl Incomer {
    pub(super) fn of(payload: Payload) -> Self {
        Self {
            payload: Some(payload),
            why: Rc::default(),
            _answered: None,
        }
    }

    /// Why the body broke off.
    pub(super) fn why(&self) -> Rejection {
        self.why.get().cloned().unwrap_or(Rejection::BodyIncomplete)
    }

    /// The body for the relay. What is passed on is read by a task of its own from now on.
    pub(super) async fn call_body(
        &mut self,
        request: &HttpRequest,
        state: &ControlState,
    ) -> Result<CallBody, ApiError> {
        let Some(payload) = &mut self.payload else {
            return Ok(CallBody::default());
        };
        let announced = announced(request);
        let bytes_max = state.relay_body_max_bytes;
        if announced.is_some_and(|bytes| bytes > bytes_max) {
            return Err(Rejection::TooLarge.into());
        }
        let timeout = state.body_timeout;
        let room = state.relay.room();
        let held_max = usize::try_from(room.body_max_bytes().min(bytes_max)).unwrap_or(usize::MAX);
        let begun = match room.place(announced) {
            Some(place) => match read_begin(payload, held_max, timeout).await? {
                Begin::Whole(body) => {
                    self.payload = None;
                    return Ok(CallBody::Held(body, place));
                }
                Begin::Part(begun) => begun,
            },
            None => Bytes::new(),
        };
        let Some(payload) = self.payload.take() else {
            return Ok(CallBody::default());
        };
        let (upload, body) = CallBody::coming(announced);
        let (answered, has_answered) = oneshot::channel();
        self._answered = Some(answered);
        let passing = Passing {
            payload,
            why: Rc::clone(&self.why),
            bytes_max,
            timeout,
        };
        let _detached = task::spawn_local("relayed body", async move {
            // An unfinished body must not be dropped before the answer: see `unread`.
            if let Some(rest) = passing.on(begun, upload).await {
                let _ = has_answered.await;
                drop(rest);
            }
        });
        Ok(body)
    }
}

/// A body that is passed on.
struct Passing {
    payload: Payload,
    why: Rc<OnceCell<Rejection>>,
    bytes_max: u64,
    /// Longest pause between two pieces.
    timeout: Duration,
}

impl Passing {
    /// Passes it on until it is at its end, breaks off, or nobody wants more of it; gives back what is not read.
    async fn on(mut self, begun: Bytes, mut upload: Upload) -> Option<Payload> {
        let mut bytes_left = self.bytes_max;
        let mut piece = Ok(Some(begun));
        loop {
            let refused = match piece {
                Ok(None) => {
                    upload.end().await;
                    return None;
                }
                Ok(Some(bytes)) => match bytes_left.checked_sub(bytes.len() as u64) {
                    Some(left) => {
                        bytes_left = left;
                        if !bytes.is_empty() && !upload.push(bytes).await {
                            return Some(self.payload);
                        }
                        None
                    }
                    None => Some(Rejection::TooLarge),
                },
                Err(rejection) => Some(rejection),
            };
            if let Some(rejection) = refused {
                // Behind this the upload is dropped, and whoever sees that asks why.
                let _first = self.why.set(rejection);
                return Some(self.payload);
            }
            let next = tokio::time::timeout(self.timeout, next_piece(&mut self.payload)).await;
            piece = next.unwrap_or(Err(Rejection::BodyTimeout));
        }
    }
}

/// How many bytes the body will have, if the request says so.
fn announced(request: &HttpRequest) -> Option<u64> {
    let headers = request.headers();
    match headers.get(CONTENT_LENGTH) {
        Some(length) => length.to_str().ok()?.parse().ok(),
        None if headers.contains_key(TRANSFER_ENCODING) => None,
        None => Some(0),
    }
}
