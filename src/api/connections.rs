//! Counts connections that end without a request.
//!
//! The HTTP stack answers heads that are slow (408), malformed (400) or too large (431) by itself, before any
//! code of ours runs. What can be seen is a connection that ends and has carried no request.

use std::cell::Cell;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::dev::{Extensions, Service, ServiceRequest, ServiceResponse, Transform};
use metrics::{Counter, counter};

use crate::metric_definitions::CONNECTIONS_WITHOUT_REQUEST;

/// What is known of one connection; it ends with it.
struct Arrivals {
    has_request: Cell<bool>,
    without_request: Counter,
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        if !self.has_request.get() {
            self.without_request.increment(1);
        }
    }
}

/// Notes a new connection.
pub fn opened(data: &mut Extensions) {
    data.insert(Arrivals {
        has_request: Cell::new(false),
        without_request: counter!(CONNECTIONS_WITHOUT_REQUEST),
    });
}

/// Middleware that notes on its connection that a request has come. It adds no future of its own.
#[derive(Clone, Copy, Debug)]
pub struct NoteRequests;

impl<S, B> Transform<S, ServiceRequest> for NoteRequests
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = Noting<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(Noting { inner }))
    }
}

/// See [`NoteRequests`].
#[derive(Debug)]
pub struct Noting<S> {
    inner: S,
}

impl<S, B> Service<ServiceRequest> for Noting<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = S::Future;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        if let Some(arrivals) = request.conn_data::<Arrivals>() {
            arrivals.has_request.set(true);
        }
        self.inner.call(request)
    }
}
