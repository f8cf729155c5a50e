//! Traces as the operator's collector gets them.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;

use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::prometheus;
use crate::harness::server::{ADMIN_TOKEN, INGEST_KEY};
use crate::harness::third_party::ThirdParty;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
/// The promise is ten seconds; a busy machine may need some to notice the end.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// A finished span.
#[derive(Clone, Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    attributes: HashMap<String, String>,
    has_failed: bool,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the collector has.
fn spans(collector: &ThirdParty) -> Vec<Span> {
    let mut spans = Vec::new();
    for body in collector.bodies() {
        let sent = ExportTraceServiceRequest::decode(&body[..]).expect("OTLP");
        for of_resource in sent.resource_spans {
            let resource = of_resource.resource.expect("a resource");
            let service = resource.attributes.iter().find(|one| one.key == "service.name");
            assert!(service.is_some(), "{resource:?}");
            let all = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(all.map(|span| {
                assert!(
                    span.end_time_unix_nano >= span.start_time_unix_nano && span.start_time_unix_nano > 0
                );
                let text = |value| match value {
                    Some(Value::StringValue(text)) => text,
                    Some(Value::IntValue(number)) => number.to_string(),
                    other => panic!("{other:?}"),
                };
                let attributes = span.attributes.into_iter();
                Span {
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    name: span.name,
                    attributes: attributes
                        .map(|one| (one.key, text(one.value.and_then(|value| value.value))))
                        .collect(),
                    has_failed: span.status.is_some_and(|status| status.code == 2),
                }
            }));
        }
    }
    spans
}

#[track_caller]
fn wait_for(collector: &ThirdParty, what: &str, is_it: impl Fn(&Span) -> bool) -> Span {
    wait::until(what, PATIENCE, || spans(collector).into_iter().find(&is_it))
}

fn traced(collector_url: &str, share: &str) -> Options {
    Options::new()
        .set("FRESNEL_TRACE__OTLP_URL", collector_url)
        .set("FRESNEL_TRACE__SAMPLE_SHARE", share)
        .set("FRESNEL_FLUSH__MAX_WAIT_MS", 50)
}

fn event(trace: &str, flags: &str) -> Request {
    Request::post(Kind::Event.path(), Kind::Event.sample().to_string())
        .header("authorization", format!("Bearer {INGEST_KEY}"))
        .header("traceparent", format!("00-{trace}-{PARENT}-{flags}"))
}

#[test]
fn a_request_is_part_of_its_callers_trace_and_so_are_its_questions() {
    let collector = ThirdParty::serving("");
    let server = Fresnel::start(traced(&collector.url("/"), "0"));
    let request = event(TRACE, "01").header("user-agent", "probe/1 ".repeat(100));
    assert_eq!(server.send(&request).status, 202);
    let span = wait_for(&collector, "the beacon's span", |span| span.trace == TRACE);
    assert_eq!(span.name, format!("POST {}", Kind::Event.path()));
    assert_eq!((span.parent.as_str(), span.has_failed), (PARENT, false));
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", Kind::Event.path()),
        ("http.response.status_code", "202"),
        ("url.scheme", "http"),
    ] {
        assert_eq!(
            span.attributes.get(key).map(String::as_str),
            Some(value),
            "{span:?}"
        );
    }
    assert!(span.attributes["user_agent.original"].chars().count() <= 201);

    // A refusal can be found by the id that the client was told.
    let other = "11111111111111111111111111111111";
    let refused = server.send(&event(other, "01").body("{}"));
    let error_id = refused.expect_status(400).json()["meta"]["error_id"].clone();
    let span = wait_for(&collector, "the refusal's span", |span| span.trace == other);
    assert_eq!(
        Some(span.attributes["fresnel.error_id"].as_str()),
        error_id.as_str()
    );

    // A question holds ClickHouse's part of it; the statement is without values.
    let asked = "22222222222222222222222222222222";
    let request = Request::get("/api/analytics/performance/timeseries?type=page_load_time&page=/secret-page")
        .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
        .header("traceparent", format!("00-{asked}-{PARENT}-01"));
    server.send(&request).expect_status(200);
    let request = wait_for(&collector, "the question's span", |span| {
        span.trace == asked && span.parent == PARENT
    });
    let query = wait_for(&collector, "the query's span", |span| {
        span.trace == asked && span.parent == request.id
    });
    assert_eq!(query.attributes["db.system.name"], "clickhouse");
    let text = &query.attributes["db.query.text"];
    assert!(text.contains("SELECT") && !text.contains("secret-page"), "{text}");

    // Of all others none is traced, at this share.
    assert!(
        spans(&collector)
            .iter()
            .all(|span| [TRACE, other, asked].contains(&&*span.trace))
    );
}

#[test]
fn a_flush_is_a_trace_of_its_own_with_its_inserts_and_a_stop_sends_the_last_ones() {
    let collector = ThirdParty::serving("");
    let mut server = Fresnel::start(traced(&collector.url(""), "1"));
    assert_eq!(server.send(&event(TRACE, "00")).status, 202);
    let insert = wait_for(&collector, "the insert's span", |span| {
        span.name == "insert" && span.attributes["db.collection.name"] == Kind::Event.table()
    });
    assert_eq!(insert.attributes["fresnel.rows"], "1");
    assert!(
        insert.attributes["fresnel.tries"]
            .parse::<u32>()
            .expect("a number")
            >= 1
    );
    let flush = wait_for(&collector, "the flush's span", |span| span.id == insert.parent);
    assert_eq!(
        (flush.name.as_str(), flush.parent.as_str()),
        ("flush segment", "")
    );

    let last = "33333333333333333333333333333333";
    assert_eq!(server.send(&event(last, "01")).status, 202);
    let (status, _) = server.stop();
    assert!(status.success());
    let spans = spans(&collector);
    assert!(
        spans.iter().any(|span| span.trace == last),
        "the stop lost a span"
    );
    // A caller that says no is not overruled.
    assert!(spans.iter().all(|span| span.trace != TRACE));
}

#[test]
fn a_collector_that_is_away_changes_no_answer_and_is_told_once_a_minute_at_most() {
    let mut collector = ThirdParty::serving("");
    let url = collector.url("");
    collector.die();
    let mut server = Fresnel::start(traced(&url, "1"));
    let lost = || {
        let page = server.get("/metrics").expect_status(200).text();
        let samples = prometheus::parse(&page).expect("metrics");
        let of_collector = |sample: &&prometheus::Sample| {
            sample.name == "fresnel_trace_spans_lost_total" && sample.labels["reason"] == "collector_failed"
        };
        samples
            .iter()
            .find(of_collector)
            .map_or(0.0, |sample| sample.value)
    };
    let start = Instant::now();
    let mut before = 0.0;
    // Two batches at least.
    for _ in 0..2 {
        for _ in 0..20 {
            assert_eq!(server.send(&event(TRACE, "01")).status, 202);
        }
        before = wait::until("the loss", PATIENCE, || {
            Some(lost()).filter(|lost| *lost > before)
        });
    }
    let told = server.log().matches("traces did not reach the collector").count();
    let minutes = start.elapsed().as_secs() / 60;
    assert!(
        told >= 1 && told as u64 <= 1 + minutes,
        "{told} in {minutes} minutes"
    );
    let (status, _) = server.stop();
    assert!(status.success());
}

#[test]
fn a_collector_that_never_answers_does_not_keep_the_process_from_its_end() {
    // Connections come about, and nobody takes them.
    let collector = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let url = format!("http://{}", collector.local_addr().expect("an address"));
    let mut server = Fresnel::start(traced(&url, "1"));
    assert_eq!(server.send(&event(TRACE, "01")).status, 202);
    let (status, took) = server.stop();
    assert!(status.success());
    assert!(took < STOP_WITHIN, "{took:?}");
}

#[test]
fn without_the_setting_nothing_is_sent_whatever_the_environment_says() {
    let collector = ThirdParty::serving("");
    let options = Options::new()
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url(""))
        .set("FRESNEL_TRACE__SAMPLE_SHARE", "1");
    let mut server = Fresnel::start(options);
    assert_eq!(server.send(&event(TRACE, "01")).status, 202);
    let (status, _) = server.stop();
    assert!(status.success());
    assert_eq!(collector.visits(), 0);
}
