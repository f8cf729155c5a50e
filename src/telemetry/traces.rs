//! Traces of Fresnel's own work, as OpenTelemetry has them: what a request, a flush or a query was and how long it
//! took, sent to the operator's collector in batches.
//!
//! Like the metrics and the logs, they are set up once a process. Until then, and when no collector is set,
//! [`Span::begin`] gives none and nothing else happens. Work never waits for the collector: spans go through a queue
//! with a limit, and those beyond it are lost and counted.
//!
//! What spans hold leaves the machine: names, numbers and kinds of errors, no paths, no values, no addresses.

mod export;

use std::borrow::Cow;
use std::future::Future;
use std::sync::OnceLock;

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{FutureExt, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, ContextGuard, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::TelemetryError;
use crate::config::TraceConfig;
use export::Queue;

pub use export::{CollectorError, Sending};
pub use opentelemetry::trace::SpanKind;

/// Finished spans that may wait for the collector.
const WAITING_MAX: usize = 2_048;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Begins to trace, if a collector is set.
///
/// # Errors
/// The certificates cannot be used, or traces are set up already.
pub fn set_up(config: &TraceConfig) -> Result<Option<Sending>, TelemetryError> {
    if config.otlp_url.is_empty() {
        return Ok(None);
    }
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "fresnel"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", Uuid::new_v4().to_string()),
        ])
        .build();
    let (sender, finished) = mpsc::channel(WAITING_MAX);
    let sending = Sending::start(config, &resource, finished)?;
    let by_share = Sampler::TraceIdRatioBased(config.sample_share);
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(Sampler::ParentBased(Box::new(by_share)))
        .with_span_processor(Queue::new(sender))
        .build();
    TRACER
        .set(provider.tracer("fresnel"))
        .map_err(|_| TelemetryError::AlreadySetUp("traces".to_owned()))?;
    Ok(Some(sending))
}

/// A piece of work under way; it ends when this is dropped. Whether it is sent is decided at its beginning, with
/// everything that belongs to it.
#[derive(Debug)]
pub struct Span {
    context: Context,
}

impl Span {
    /// Begins a piece of the work under way on this thread, or a trace of its own when there is none.
    #[must_use]
    pub fn begin(name: &'static str, kind: SpanKind) -> Option<Self> {
        TRACER
            .get()
            .map(|tracer| Self::under(tracer, &Context::current(), name, kind))
    }

    /// Begins a request; `traceparent` is what the caller says of its own trace (W3C Trace Context).
    #[must_use]
    pub fn begin_request<'r>(traceparent: impl FnOnce() -> Option<&'r str>) -> Option<Self> {
        let tracer = TRACER.get()?;
        let parent =
            TraceContextPropagator::new().extract_with_context(&Context::new(), &TraceParent(traceparent()));
        // Its name comes with its route.
        Some(Self::under(tracer, &parent, "HTTP", SpanKind::Server))
    }

    fn under(tracer: &SdkTracer, parent: &Context, name: &'static str, kind: SpanKind) -> Self {
        let builder = tracer.span_builder(name).with_kind(kind);
        let span = tracer.build_with_context(builder, parent);
        Self {
            context: parent.with_span(span),
        }
    }

    /// False when nobody will see what is noted of it.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.context.span().is_recording()
    }

    /// Gives it another name.
    pub fn rename(&self, name: impl Into<Cow<'static, str>>) {
        self.context.span().update_name(name);
    }

    /// Notes something of it.
    pub fn note(&self, name: &'static str, value: impl Into<Value>) {
        self.context.span().set_attribute(KeyValue::new(name, value));
    }

    /// It has failed, in this way; the kind of the error, not its text, which may quote values.
    pub fn fail(&self, kind: impl Into<Cow<'static, str>>) {
        let kind = kind.into();
        self.note("error.type", kind.clone().into_owned());
        self.context.span().set_status(Status::error(kind));
    }

    /// Makes it the work under way on this thread, until the guard is dropped.
    #[must_use]
    pub fn enter(&self) -> ContextGuard {
        self.context.clone().attach()
    }

    /// Does work as a part of it, if there is one.
    pub async fn around<F: Future>(span: Option<&Self>, work: F) -> F::Output {
        match span {
            Some(span) => work.with_context(span.context.clone()).await,
            None => work.await,
        }
    }
}

/// Notes the id of an error in the work under way on this thread.
pub fn note_error_id(id: Uuid) {
    if TRACER.get().is_some() {
        let note = KeyValue::new("fresnel.error_id", id.to_string());
        Context::map_current(|context| context.span().set_attribute(note));
    }
}

/// The one header that is read. `tracestate` is for others, to whom nothing is passed on.
struct TraceParent<'r>(Option<&'r str>);

impl Extractor for TraceParent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.filter(|_| key == "traceparent")
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}
