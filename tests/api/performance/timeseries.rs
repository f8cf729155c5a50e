//! `GET /api/analytics/performance/timeseries`

use std::time::Instant;

use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::api::envelope;
use crate::harness::beacons::{Kind, iso, now};
use crate::harness::http::Request;
use crate::harness::process::say;
use crate::harness::server::{ADMIN_TOKEN, INGEST_KEY};
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

const PATH: &str = "/api/analytics/performance/timeseries";

/// A minute some while ago, at its start.
fn past_minute() -> OffsetDateTime {
    let time = now() - Duration::minutes(90);
    time.replace_second(0)
        .and_then(|time| time.replace_nanosecond(0))
        .expect("a minute")
}

/// A page that no other test uses.
fn unique_page() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(b'a');
    // A letter: a number in a path would be taken for an id, and grouped.
    format!(
        "/page/of-test-{}",
        char::from(NEXT.fetch_add(1, Ordering::Relaxed))
    )
}

fn metric(page: &str, time: OffsetDateTime, value: f64) -> Value {
    json!({
        "type": "api_response_time", "value": value, "timestamp": iso(time), "session_id": "s",
        "metadata": {"page": page},
    })
}

/// Posts metrics and waits until ClickHouse has them.
#[track_caller]
fn store(server: &Fresnel, page: &str, beacons: &[Value]) {
    for beacon in beacons {
        server
            .post(Kind::Metric.path(), beacon.to_string())
            .expect_status(202);
    }
    let expected = beacons.len() as u64;
    // A rollup follows its raw rows in the next moment.
    for sql in [
        format!("SELECT count() AS n FROM performance_metrics WHERE page = '{page}'"),
        format!(
            "SELECT toUInt64(sum(count)) AS n FROM metric_slices WHERE dimension = 'environment+page' AND member = '{page}' AND grain_minutes = 1"
        ),
        format!(
            "SELECT toUInt64(sum(count)) AS n FROM metric_slices WHERE dimension = 'page' AND member = '{page}' AND grain_minutes = 10080"
        ),
    ] {
        wait::until(&sql, PATIENCE, || {
            (server.warehouse().number(&sql) == expected).then_some(())
        });
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Asks with these parameters, whose values need no escapes.
#[track_caller]
fn ask(server: &Fresnel, parameters: &[(&str, &str)]) -> Value {
    let parameters: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    let answer = server
        .get(&format!("{PATH}?{}", parameters.join("&")))
        .expect_status(200);
    envelope::check(&answer)["data"].clone()
}

/// Sum of a series' counts.
fn count(series: &Value) -> u64 {
    let points = series["points"].as_array().expect("points");
    points
        .iter()
        .map(|point| point["count"].as_u64().expect("a count"))
        .sum()
}

/// Sum of all counts in an answer.
fn total(data: &Value) -> u64 {
    data["series"].as_array().expect("series").iter().map(count).sum()
}

#[test]
fn counts_and_averages_are_exact_percentiles_close_and_empty_buckets_are_there_without_values() {
    let server = Fresnel::shared();
    let (page, minute) = (unique_page(), past_minute());
    let beacons: Vec<Value> = (1..=20)
        .map(|value| {
            let mut beacon = metric(&page, minute + Duration::seconds(value), f64::from(value as i32));
            beacon["metadata"]["status"] = json!(if value <= 3 { 500 } else { 200 });
            beacon
        })
        .collect();
    store(&server, &page, &beacons);
    let (from, to) = (
        iso(minute - Duration::minutes(1)),
        iso(minute + Duration::minutes(2)),
    );
    let data = ask(
        &server,
        &[
            ("type", "api_response_time"),
            ("from", &from),
            ("to", &to),
            ("interval", "1m"),
            ("page", &page),
        ],
    );
    let points = data["series"][0]["points"].as_array().expect("points");
    let counts: Vec<u64> = points
        .iter()
        .map(|point| point["count"].as_u64().expect("a count"))
        .collect();
    assert_eq!(counts, [0, 20, 0], "{data}");
    for statistic in ["avg", "min", "max", "p50", "p75", "p95", "p99"] {
        assert_eq!(points[0][statistic], Value::Null, "{statistic} of nothing");
    }
    let full = &points[1];
    for (statistic, least, most) in [
        ("avg", 10.5, 10.5),
        ("min", 1.0, 1.0),
        ("max", 20.0, 20.0),
        ("p50", 10.0, 11.0),
        ("p75", 15.0, 16.0),
        ("p95", 19.0, 20.0),
        ("p99", 19.0, 20.0),
        ("error_share", 0.15, 0.15),
    ] {
        let value = full[statistic].as_f64().expect(statistic);
        assert!(
            (least - 1e-9..=most + 1e-9).contains(&value),
            "{statistic} = {value}"
        );
    }
}

#[test]
fn every_interval_gives_all_its_buckets_and_the_same_total() {
    let server = Fresnel::shared();
    let (page, minute) = (unique_page(), past_minute());
    let beacons: Vec<Value> = (0..30)
        .map(|i| metric(&page, minute - Duration::minutes(i * 7), 1.0))
        .collect();
    store(&server, &page, &beacons);
    let (from, to) = (
        iso(minute - Duration::hours(20)),
        iso(minute + Duration::hours(1)),
    );
    for (interval, minutes) in [
        ("1m", 1),
        ("5m", 5),
        ("15m", 15),
        ("1h", 60),
        ("6h", 360),
        ("1d", 1_440),
    ] {
        let data = ask(
            &server,
            &[
                ("type", "api_response_time"),
                ("from", &from),
                ("to", &to),
                ("interval", interval),
                ("page", &page),
            ],
        );
        assert_eq!(total(&data), 30, "{interval}: {data}");
        assert_eq!(data["interval_ms"], minutes * 60_000);
        let points = data["series"][0]["points"].as_array().expect("points").len();
        // Widened to whole buckets at both ends.
        let least = usize::try_from(21 * 60 / minutes).expect("a few");
        assert!(
            (least..=least + 2).contains(&points),
            "{interval}: {points} points"
        );
    }
}

#[test]
fn the_coarsest_table_answers_and_all_tables_agree() {
    let server = Fresnel::shared();
    let page = unique_page();
    let hour = past_minute().replace_minute(0).expect("an hour") - Duration::hours(3);
    let beacons: Vec<Value> = (0..24)
        .map(|i| {
            let mut beacon = metric(&page, hour + Duration::minutes(i * 5), 2.0);
            beacon["metadata"]["region"] = json!("eu");
            beacon
        })
        .collect();
    store(&server, &page, &beacons);
    let (from, to) = (iso(hour), iso(hour + Duration::hours(2)));
    let mut sources = Vec::new();
    for further in [("interval", "1h"), ("interval", "1m"), ("region", "eu")] {
        let data = ask(
            &server,
            &[
                ("type", "api_response_time"),
                ("from", &from),
                ("to", &to),
                ("page", &page),
                further,
            ],
        );
        assert_eq!(total(&data), 24, "{data}");
        sources.push(data["source"].clone());
    }
    sources.dedup();
    assert_eq!(
        sources.len(),
        3,
        "one table answered more than one of the questions: {sources:?}"
    );
}

#[test]
fn groups_are_told_apart_and_those_above_the_limit_are_counted_together() {
    let server = Fresnel::shared();
    let (prefix, minute) = (unique_page(), past_minute());
    let endpoint = |i: usize| format!("{prefix}/api/{}", ["none", "one-a", "one-b", "one-c", "one-d"][i]);
    let beacons: Vec<Value> = (1..=4)
        .flat_map(|group| vec![group; group])
        .map(|group| {
            let mut beacon = metric(&prefix, minute, 1.0);
            beacon["metadata"]["api_endpoint"] = json!(endpoint(group));
            beacon
        })
        .collect();
    store(&server, &prefix, &beacons);
    let (from, to) = (iso(minute), iso(minute + Duration::minutes(1)));
    let common = [
        ("type", "api_response_time"),
        ("from", from.as_str()),
        ("to", to.as_str()),
        ("page", &prefix),
        ("group_by", "api_endpoint"),
    ];
    let groups = |data: &Value| -> Vec<(String, u64)> {
        let series = data["series"].as_array().expect("series").iter();
        let mut groups: Vec<_> = series
            .map(|s| (s["group"].as_str().expect("a group").to_owned(), count(s)))
            .collect();
        groups.sort();
        groups
    };
    let all = groups(&ask(&server, &common));
    assert_eq!(all, (1..=4).map(|i| (endpoint(i), i as u64)).collect::<Vec<_>>());
    let some = groups(&ask(
        &server,
        &[common.as_slice(), &[("groups_max", "2")]].concat(),
    ));
    assert_eq!(
        some,
        [(endpoint(3), 3), (endpoint(4), 4), ("__other__".to_owned(), 3)]
    );
}

#[test]
fn every_filter_leaves_only_what_has_the_value_and_repeated_ones_add_up() {
    let server = Fresnel::shared();
    let (page, minute) = (unique_page(), past_minute());
    let user = format!("user-{page}");
    let mut odd = metric(&page, minute, 1.0);
    odd["user_id"] = json!(user);
    odd["session_id"] = json!(user);
    odd["metadata"] = json!({
        "page": page, "api_endpoint": "'; DROP TABLE performance_metrics --", "release": "1.0\\", "environment": "test\"",
        "method": "PATCH", "status": 418, "region": "`moon`", "effect_id": "{glow}", "name": "größe",
    });
    let mut other = odd.clone();
    other["metadata"]["method"] = json!("PUT");
    store(&server, &page, &[odd.clone(), other, metric(&page, minute, 1.0)]);
    let (from, to) = (iso(minute), iso(minute + Duration::minutes(1)));
    let common = [
        ("type", "api_response_time"),
        ("from", from.as_str()),
        ("to", to.as_str()),
        ("page", &page),
    ];
    assert_eq!(total(&ask(&server, &common)), 3);
    let metadata = odd["metadata"].as_object().expect("metadata");
    for (name, value) in metadata.iter().filter(|(name, _)| *name != "page") {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let data = ask(&server, &[common.as_slice(), &[(name.as_str(), &value)]].concat());
        assert_eq!(
            total(&data),
            if name == "method" { 1 } else { 2 },
            "{name}: {data}"
        );
        let absent = if name == "status" { "599" } else { "nothing" };
        let data = ask(&server, &[common.as_slice(), &[(name.as_str(), absent)]].concat());
        assert_eq!(total(&data), 0, "{name}: {data}");
    }
    for name in ["user_id", "session_id"] {
        assert_eq!(
            total(&ask(&server, &[common.as_slice(), &[(name, &user)]].concat())),
            2
        );
    }
    assert_eq!(
        total(&ask(
            &server,
            &[common.as_slice(), &[("method", "PUT"), ("method", "PATCH")]].concat()
        )),
        2
    );
}

#[test]
fn vitals_are_series_of_their_own_and_a_zero_is_a_value() {
    let server = Fresnel::shared();
    let (page, minute) = (unique_page(), past_minute());
    let vital = |name: &str, value: f64| {
        let mut beacon = metric(&page, minute, value);
        beacon["type"] = json!("core_web_vitals");
        beacon["metadata"]["name"] = json!(name);
        beacon
    };
    store(
        &server,
        &page,
        &[vital("CLS", 0.0), vital("CLS", 0.0), vital("LCP", 2_400.0)],
    );
    let (from, to) = (iso(minute), iso(minute + Duration::minutes(1)));
    let data = ask(
        &server,
        &[
            ("type", "core_web_vitals"),
            ("from", &from),
            ("to", &to),
            ("interval", "1m"),
            ("page", &page),
        ],
    );
    let series = data["series"].as_array().expect("series");
    let of = |name: &str| {
        series
            .iter()
            .find(|series| series["name"] == name)
            .unwrap_or_else(|| panic!("{name}: {data}"))
    };
    assert_eq!(of("CLS")["points"][0]["count"], 2);
    assert_eq!(of("CLS")["points"][0]["p75"].as_f64(), Some(0.0));
    assert_eq!(of("LCP")["points"][0]["max"].as_f64(), Some(2_400.0));
    let lcp = ask(
        &server,
        &[
            ("type", "core_web_vitals"),
            ("from", &from),
            ("to", &to),
            ("page", &page),
            ("name", "LCP"),
        ],
    );
    assert_eq!(total(&lcp), 1);
}

#[test]
fn a_range_without_events_has_its_buckets_and_no_numbers() {
    let server = Fresnel::shared();
    let data = ask(
        &server,
        &[
            ("type", "page_load_time"),
            ("from", "2001-01-01T00:00:00Z"),
            ("to", "2001-01-02T00:00:00Z"),
            ("interval", "1h"),
        ],
    );
    assert_eq!(total(&data), 0);
    for series in data["series"].as_array().expect("series") {
        let points = series["points"].as_array().expect("points");
        assert_eq!(points.len(), 24);
        assert!(points.iter().all(|point| point["p75"].is_null()));
    }
}

#[test]
fn every_bad_parameter_is_named() {
    let server = Fresnel::shared();
    for (query, field, code) in [
        ("", "type", "missing"),
        ("type=", "type", "missing"),
        ("type=speed", "type", "unknown_value"),
        ("type=page_load_time&from=now-5y", "from", "bad_format"),
        ("type=page_load_time&from=yesterday", "from", "bad_format"),
        ("type=page_load_time&to=2026-02-30T00:00:00Z", "to", "bad_format"),
        (
            "type=page_load_time&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            "from",
            "out_of_range",
        ),
        (
            "type=page_load_time&from=1900-01-01T00:00:00Z",
            "from",
            "out_of_range",
        ),
        ("type=page_load_time&interval=2m", "interval", "unknown_value"),
        (
            "type=page_load_time&interval=1m&interval=5m",
            "interval",
            "duplicate",
        ),
        (
            "type=page_load_time&interval=1m&from=2020-01-01T00:00:00Z",
            "interval",
            "out_of_range",
        ),
        (
            "type=page_load_time&group_by=session_id",
            "group_by",
            "unknown_value",
        ),
        ("type=page_load_time&groups_max=0", "groups_max", "out_of_range"),
        (
            "type=page_load_time&groups_max=many",
            "groups_max",
            "out_of_range",
        ),
        (
            "type=page_load_time&timezone=Mars/Olympus",
            "timezone",
            "unknown_value",
        ),
        ("type=page_load_time&bucket=1m", "bucket", "unknown_field"),
    ] {
        let answer = server.get(&format!("{PATH}?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        assert_eq!(envelope::check(&answer)["code"], "BAD_PARAMETERS");
        assert_eq!(answer.details(), [(field.to_owned(), code.to_owned())], "{query}");
    }
    let answer = server.get(&format!("{PATH}?interval=x&group_by=y&z=1&from=%ff%00"));
    assert_eq!(answer.status, 400);
    assert_eq!(answer.details().len(), 5, "{}", answer.text());
}

#[test]
fn a_beacon_is_in_the_numbers_within_two_seconds() {
    let server = Fresnel::start(Options::new());
    let parameters = [("type", "api_response_time"), ("interval", "1m")];
    // The first question must not measure the engine's start.
    server
        .warehouse()
        .query("SELECT count() AS n FROM performance_metrics");
    let start = Instant::now();
    server
        .post(Kind::Metric.path(), Kind::Metric.sample().to_string())
        .expect_status(202);
    wait::until("the beacon in the numbers", PATIENCE, || {
        (total(&ask(&server, &parameters)) == 1).then_some(())
    });
    say(&format!(
        "    a beacon was in the numbers after {:.2?}",
        start.elapsed()
    ));
}

#[test]
fn without_a_warehouse_the_question_gets_a_503_and_beacons_a_202() {
    let server = Fresnel::start_unready(Options::new().set("FRESNEL_WAREHOUSE__URL", "http://127.0.0.1:9"));
    let answer = server
        .get(&format!("{PATH}?type=page_load_time"))
        .expect_status(503);
    assert_eq!(answer.code(), "WAREHOUSE_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(envelope::check(&answer)["meta"]["retry_suggested"], true);
    server
        .post(Kind::Metric.path(), Kind::Metric.sample().to_string())
        .expect_status(202);
}

#[test]
fn questions_need_the_admin_token_and_the_ingest_key_is_not_one() {
    let server = Fresnel::shared();
    let path = format!("{PATH}?type=page_load_time");
    for request in [
        Request::get(&path),
        Request::get(&path).header("authorization", "Bearer wrong"),
        Request::get(&format!("{path}&key={ADMIN_TOKEN}")),
    ] {
        let answer = server.send(&request);
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert_eq!(answer.code(), "UNAUTHENTICATED");
    }
    let ingest = Request::get(&path).header("authorization", format!("Bearer {INGEST_KEY}"));
    let answer = server.send(&ingest).expect_status(403);
    assert_eq!(answer.code(), "FORBIDDEN");
}

#[test]
fn releases_are_marked_where_they_were_posted_or_first_seen() {
    let server = Fresnel::start(Options::new().set("FRESNEL_FLUSH__MAX_WAIT_MS", 50));
    let (page, minute) = (unique_page(), past_minute());
    let released = |release: &str, seconds: i64| {
        let mut beacon = metric(&page, minute + Duration::seconds(seconds), 5.0);
        beacon["metadata"]["release"] = json!(release);
        beacon
    };
    let beacons = [
        released("1.0", 40),
        released("1.0", 10),
        released("2.0", 20),
        released("0.9", -86_400),
    ];
    store(&server, &page, &beacons);
    let deploy =
        json!({"release": "2.0", "deployed_at": iso(minute + Duration::seconds(5)), "description": "faster"});
    let posted = Request::post("/api/deploys", deploy.to_string())
        .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
        .header("content-type", "application/json");
    server.send(&posted).expect_status(201);
    let range = [
        ("type", "api_response_time".to_owned()),
        ("from", iso(minute)),
        ("to", iso(minute + Duration::minutes(1))),
    ];
    let range: Vec<(&str, &str)> = range
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    // The change of control data is known a moment later.
    let markers = wait::until("both markers", PATIENCE, || {
        let markers = ask(&server, &range)["markers"].clone();
        (markers[0]["source"] == "posted").then_some(markers)
    });
    let told: Vec<_> = markers
        .as_array()
        .expect("markers")
        .iter()
        .map(|marker| (marker["release"].as_str(), marker["source"].as_str()))
        .collect();
    assert_eq!(
        told,
        [(Some("2.0"), Some("posted")), (Some("1.0"), Some("first_seen"))]
    );
    assert_eq!(markers[0]["description"], "faster");
    let first_seen: jiff::Timestamp = markers[1]["ts"]
        .as_str()
        .and_then(|ts| ts.parse().ok())
        .expect("a time");
    assert_eq!(
        first_seen.as_second(),
        (minute + Duration::seconds(10)).unix_timestamp()
    );
}
