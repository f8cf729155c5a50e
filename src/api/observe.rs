//! Times and counts every request, and counts connections that end without one.
//!
//! The HTTP stack answers heads that are slow (408), malformed (400) or too large (431) by itself, before any
//! code of ours runs. What can be seen of those is a connection that ends and has carried no request.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use actix_web::dev::{Extensions, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::{Method, StatusCode, header};
use actix_web::{Error, HttpRequest};
use foldhash::fast::RandomState;
use metrics::{Counter, Histogram, counter, histogram};
use pin_project_lite::pin_project;

use super::asked;
use crate::metric_definitions::{CONNECTIONS_WITHOUT_REQUEST, REQUEST_SECONDS, REQUESTS};
use crate::telemetry::traces::Span;

/// Label of requests to addresses that no route knows.
const NO_ROUTE: &str = "none";

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
pub fn connection_opened(data: &mut Extensions) {
    data.insert(Arrivals {
        has_request: Cell::new(false),
        without_request: counter!(CONNECTIONS_WITHOUT_REQUEST),
    });
}

/// Middleware that times and counts requests.
#[derive(Clone, Copy, Debug)]
pub struct Observe;

impl<S, B> Transform<S, ServiceRequest> for Observe
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = Observing<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(Observing {
            inner,
            series: Rc::default(),
        }))
    }
}

/// See [`Observe`].
pub struct Observing<S> {
    inner: S,
    series: Rc<RefCell<Series>>,
}

impl<S, B> Service<ServiceRequest> for Observing<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = Observed<S::Future>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        if let Some(arrivals) = request.conn_data::<Arrivals>() {
            arrivals.has_request.set(true);
        }
        let traceparent = || request.headers().get("traceparent")?.to_str().ok();
        let span = Span::begin_request(traceparent);
        Observed {
            started: Instant::now(),
            span,
            series: Rc::clone(&self.series),
            inner: self.inner.call(request),
        }
    }
}

pin_project! {
    /// An answer in the making.
    pub struct Observed<F> {
        started: Instant,
        span: Option<Span>,
        series: Rc<RefCell<Series>>,
        #[pin]
        inner: F,
    }
}

impl<F, B> Future for Observed<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let entered = this.span.as_ref().map(Span::enter);
        let outcome = ready!(this.inner.poll(context));
        drop(entered);
        let span = this.span.take();
        if let Ok(answer) = &outcome {
            if let Some(span) = span.filter(Span::is_recorded) {
                tell(&span, answer.request(), answer.status());
            }
            let seconds = this.started.elapsed().as_secs_f64();
            let (request, status) = (answer.request(), answer.status());
            let mut series = this.series.borrow_mut();
            match series.known(request.path(), request.method(), status) {
                Some(one) => one.note(seconds),
                None => {
                    let route = request.match_pattern();
                    series
                        .found_by_route(request.path(), route.as_deref(), request.method(), status)
                        .note(seconds);
                }
            }
        }
        Poll::Ready(outcome)
    }
}

/// What a trace holds of a request, in the words of OpenTelemetry's conventions. No path: it may hold ids.
fn tell(span: &Span, request: &HttpRequest, status: StatusCode) {
    let method = method_label(request.method());
    span.note(
        "http.request.method",
        if method == "other" { "_OTHER" } else { method },
    );
    let method = if method == "other" { "HTTP" } else { method };
    match request.match_pattern() {
        Some(route) => {
            span.rename(format!("{method} {route}"));
            span.note("http.route", route);
        }
        None => span.rename(method),
    }
    span.note("http.response.status_code", i64::from(status.as_u16()));
    // Fresnel itself does not speak TLS; what is in front of it may say that it does.
    let is_https = request.connection_info().scheme() == "https";
    span.note("url.scheme", if is_https { "https" } else { "http" });
    let user_agent = request.headers().get(header::USER_AGENT);
    if let Some(user_agent) = user_agent.and_then(|value| value.to_str().ok()) {
        span.note("user_agent.original", asked::cut(user_agent));
    }
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
}

/// One worker's counters: a look-up by labels on each request would cost more than the count. Routes, methods and
/// statuses are few, so the maps are small; and their keys are ours, so that nobody can choose ones that collide.
#[derive(Default)]
struct Series {
    /// By path, for routes without parameters.
    by_path: HashMap<Box<str>, Vec<One>, RandomState>,
    /// By route, for the others, and for what has no route.
    by_route: HashMap<Box<str>, Vec<One>, RandomState>,
}

/// The counters of one route, method and status.
struct One {
    method: &'static str,
    status: StatusCode,
    count: Counter,
    seconds: Histogram,
}

impl Series {
    fn known(&self, path: &str, method: &Method, status: StatusCode) -> Option<&One> {
        let method = method_label(method);
        let list = self.by_path.get(path)?;
        list.iter()
            .find(|one| one.method == method && one.status == status)
    }

    /// The counters of a request that its path alone does not find.
    fn found_by_route(
        &mut self,
        path: &str,
        route: Option<&str>,
        method: &Method,
        status: StatusCode,
    ) -> &One {
        let route = route.unwrap_or(NO_ROUTE);
        let lists = if route == path {
            &mut self.by_path
        } else {
            &mut self.by_route
        };
        let list = lists.entry(route.into()).or_default();
        let method = method_label(method);
        let place = list
            .iter()
            .position(|one| one.method == method && one.status == status)
            .unwrap_or_else(|| {
                list.push(One::new(route, method, status));
                list.len() - 1
            });
        &list[place]
    }
}

impl One {
    fn new(route: &str, method: &'static str, status: StatusCode) -> Self {
        let route = route.to_owned();
        let status_label = status.as_str().to_owned();
        Self {
            method,
            status,
            count: counter!(REQUESTS, "route" => route.clone(), "method" => method, "status" => status_label),
            seconds: histogram!(REQUEST_SECONDS, "route" => route),
        }
    }

    fn note(&self, seconds: f64) {
        self.count.increment(1);
        self.seconds.record(seconds);
    }
}

/// A client may invent methods; it must not invent series.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
