//! The way of finished spans to the collector: OTLP over HTTP, as protobuf.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use metrics::{Counter, counter};
use opentelemetry::Context;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prost::Message;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::config::TraceConfig;
use crate::metric_definitions::TRACE_SPANS_LOST;
use crate::{task, tls};

/// Most spans in one call.
const BATCH_MAX: usize = 512;
/// Time for which spans wait for others.
const WAIT: Duration = Duration::from_secs(1);
/// Time in which the collector must have answered.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// What is read of an answer.
const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// Time between two log lines that tell of failures.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

/// Why the collector cannot be called, ever.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The address is none.
    #[error("setting trace.otlp_url (FRESNEL_TRACE__OTLP_URL): {0}")]
    Address(#[from] http::uri::InvalidUri),
    /// The certificates cannot be used.
    #[error("setting trace.ca_file (FRESNEL_TRACE__CA_FILE): {0}")]
    Certificates(#[from] tls::TlsError),
}

/// Takes spans as they end, on the threads where they do.
#[derive(Debug)]
pub(super) struct Queue {
    finished: mpsc::Sender<SpanData>,
    lost: Counter,
}

impl Queue {
    pub(super) fn new(finished: mpsc::Sender<SpanData>) -> Self {
        Self {
            finished,
            lost: counter!(TRACE_SPANS_LOST, "reason" => "queue_full"),
        }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.finished.try_send(span).is_err() {
            self.lost.increment(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The task that sends spans.
#[derive(Debug)]
pub struct Sending {
    stopping: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Sending {
    pub(super) fn start(
        config: &TraceConfig,
        resource: &Resource,
        finished: mpsc::Receiver<SpanData>,
    ) -> Result<Self, CollectorError> {
        let collector = Collector::new(config, resource)?;
        let (stopping, stop_seen) = watch::channel(false);
        Ok(Self {
            stopping,
            task: task::spawn("traces", run(finished, collector, stop_seen)),
        })
    }

    /// Sends what waits, for this long at most.
    pub async fn stop(mut self, at_most: Duration) {
        self.stopping.send_replace(true);
        if tokio::time::timeout(at_most, &mut self.task).await.is_err() {
            tracing::warn!("the last traces could not be sent in time");
            self.task.abort();
        }
    }
}

async fn run(
    mut finished: mpsc::Receiver<SpanData>,
    mut collector: Collector,
    mut stopping: watch::Receiver<bool>,
) {
    let mut is_over = false;
    while !is_over {
        let mut batch = Vec::new();
        let mut wait = pin!(tokio::time::sleep(WAIT));
        while batch.len() < BATCH_MAX && !is_over {
            tokio::select! {
                span = finished.recv() => match span {
                    Some(span) => {
                        if batch.is_empty() {
                            wait.as_mut().reset(Instant::now() + WAIT);
                        }
                        batch.push(span);
                    }
                    None => is_over = true,
                },
                () = &mut wait, if !batch.is_empty() => break,
                // What ends from now on is lost; what waits is received before the end is.
                _ = stopping.wait_for(|stopping| *stopping), if !finished.is_closed() => finished.close(),
            }
        }
        if !batch.is_empty() {
            collector.send(batch).await;
        }
    }
}

/// The operator's collector.
struct Collector {
    address: Uri,
    client: HttpClient,
    resource: ResourceAttributesWithSchema,
    failed: Counter,
    refused: Counter,
    told_at: Option<Instant>,
    untold: usize,
}

enum HttpClient {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// Why a batch did not arrive.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("the request cannot be built: {0}")]
    Request(#[from] http::Error),
    #[error("no connection: {0}")]
    Connection(#[from] hyper_util::client::legacy::Error),
    #[error("no answer in time")]
    TimedOut,
    #[error("the collector answered {0}")]
    Status(StatusCode),
}

impl Collector {
    fn new(config: &TraceConfig, resource: &Resource) -> Result<Self, CollectorError> {
        let base = config.otlp_url.trim_end_matches('/');
        let address = format!("{base}/v1/traces").parse()?;
        Ok(Self {
            client: HttpClient::new(&address, &config.ca_file)?,
            address,
            resource: resource.into(),
            failed: counter!(TRACE_SPANS_LOST, "reason" => "collector_failed"),
            refused: counter!(TRACE_SPANS_LOST, "reason" => "collector_refused"),
            told_at: None,
            untold: 0,
        })
    }

    /// Sends a batch once: traces are worth a try, not the memory for those behind.
    async fn send(&mut self, batch: Vec<SpanData>) {
        let count = batch.len();
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let answer = tokio::time::timeout(CALL_TIMEOUT, self.call(body)).await;
        match answer.unwrap_or(Err(ExportError::TimedOut)) {
            Ok(refused) => self.refused.increment(refused),
            Err(error) => {
                self.failed.increment(count as u64);
                self.tell(&error, count);
            }
        }
    }

    /// Gives how many of the spans the collector has refused.
    async fn call(&self, body: Vec<u8>) -> Result<u64, ExportError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.address.clone())
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .header(header::USER_AGENT, concat!("fresnel/", env!("CARGO_PKG_VERSION")))
            .body(Full::from(body))?;
        let answer = match &self.client {
            HttpClient::Plain(client) => client.request(request).await?,
            HttpClient::Tls(client) => client.request(request).await?,
        };
        if !answer.status().is_success() {
            return Err(ExportError::Status(answer.status()));
        }
        // It has taken them, whatever else it says.
        let said = Limited::new(answer.into_body(), ANSWER_MAX_BYTES).collect().await;
        let said = said.map_or_else(|_| Bytes::new(), Collected::to_bytes);
        let partial = ExportTraceServiceResponse::decode(said)
            .ok()
            .and_then(|said| said.partial_success);
        Ok(partial.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or(0)))
    }

    fn tell(&mut self, error: &ExportError, count: usize) {
        self.untold += count;
        let is_time = |told_at: Instant| told_at.elapsed() >= TELL_INTERVAL;
        if self.told_at.is_none_or(is_time) {
            tracing::warn!(%error, spans = self.untold, "traces did not reach the collector (setting trace.otlp_url)");
            self.told_at = Some(Instant::now());
            self.untold = 0;
        }
    }
}

impl HttpClient {
    fn new(address: &Uri, ca_file: &Path) -> Result<Self, CollectorError> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CALL_TIMEOUT));
        connector.set_nodelay(true);
        let builder = Client::builder(TokioExecutor::new());
        if address.scheme_str() != Some("https") {
            return Ok(Self::Plain(builder.build(connector)));
        }
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client_config(ca_file)?)
            .https_only()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Self::Tls(builder.build(connector)))
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    #[test]
    fn spans_beyond_the_queue_are_lost_and_nobody_waits() {
        let (sender, mut finished) = mpsc::channel(2);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Queue::new(sender))
            .build();
        let tracer = provider.tracer("test");
        for name in ["first", "second", "third"] {
            drop(tracer.start(name));
        }
        let mut names = Vec::new();
        while let Ok(span) = finished.try_recv() {
            names.push(span.name);
        }
        assert_eq!(names, ["first", "second"]);
    }

    #[tokio::test]
    async fn a_collector_has_its_traces_behind_its_address() {
        let resource = Resource::builder_empty().build();
        for (url, whole) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            (
                "https://collector.example/otlp/",
                "https://collector.example/otlp/v1/traces",
            ),
        ] {
            let config = TraceConfig {
                otlp_url: url.to_owned(),
                ..TraceConfig::default()
            };
            let collector = Collector::new(&config, &resource).unwrap();
            assert_eq!(collector.address, whole);
        }
    }
}
