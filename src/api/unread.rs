//! Answers to requests whose body was not read to its end.
//!
//! actix-web reads on, for ever and without a deadline, when a handler drops a chunked body that has not
//! ended: a client that stalls would keep its connection. As long as the body is held, actix-web ends the
//! connection after the answer; so the answer holds it.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

/// Lets the answer hold something until it is sent: the request's body, or what stands for it.
pub(super) fn holding<T: Unpin + 'static>(answer: HttpResponse, held: T) -> HttpResponse {
    answer.map_body(|_, body| BoxBody::new(Holding { body, _held: held }))
}

struct Holding<T> {
    body: BoxBody,
    _held: T,
}

impl<T: Unpin> MessageBody for Holding<T> {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
