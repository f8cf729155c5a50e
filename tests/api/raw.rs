//! `GET /api/analytics/events/…`, `/api/analytics/sessions…` and `/api/analytics/errors…`

use serde_json::{Value, json};

use super::managing::admin;
use crate::harness::beacons::Kind;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

fn asked(server: &Fresnel, address: &str) -> Value {
    let answer = server
        .get(&format!("/api/analytics/{address}"))
        .expect_status(200);
    answer.json()["data"].clone()
}

fn post(server: &Fresnel, kind: Kind, beacon: &Value) {
    server.post(kind.path(), beacon.to_string()).expect_status(202);
}

/// A server without a cache, so that an answer is never older than the question.
fn server() -> Fresnel {
    let options = Options::new()
        .set("FRESNEL_FLUSH__MAX_WAIT_MS", 50)
        .set("FRESNEL_CACHE__ENABLED", false);
    Fresnel::start(options)
}

#[test]
fn one_session_is_seen_in_every_list() {
    let server = server();
    for list in ["events/list", "sessions", "errors"] {
        assert_eq!(asked(&server, list)["items"], json!([]), "{list}");
    }
    assert_eq!(asked(&server, "events/summary")["total"]["count"], 0);
    post(
        &server,
        Kind::Event,
        &json!({"event_type": "error_occurrence", "event_data": {"message": "order 17 failed", "page": "/shop"}, "session_id": "s1"}),
    );
    post(
        &server,
        Kind::Funnel,
        &json!({"step": "effect_viewed", "session_id": "s1"}),
    );
    wait::until("both rows", PATIENCE, || {
        let timeline = asked(&server, "sessions/timeline?session_id=s1");
        (timeline["items"].as_array().map(Vec::len) == Some(2)).then_some(())
    });
    let timeline = asked(&server, "sessions/timeline?session_id=s1&limit=1");
    assert_eq!(timeline["items"][0]["kind"], "event");
    assert_eq!(timeline["items"][0]["data"]["message"], "order 17 failed");
    let cursor = timeline["next_cursor"].as_str().expect("more").to_owned();
    let rest = asked(
        &server,
        &format!("sessions/timeline?session_id=s1&limit=1&cursor={cursor}"),
    );
    assert_eq!(
        (&rest["items"][0]["kind"], &rest["next_cursor"]),
        (&json!("funnel"), &Value::Null)
    );

    let events = asked(&server, "events/list");
    assert_eq!(events["items"][0]["page"], "/shop");
    let summary = asked(&server, "events/summary?compare=previous");
    assert_eq!(
        (&summary["total"]["count"], &summary["previous"]["total"]["count"]),
        (&json!(1), &json!(0))
    );
    let values = asked(&server, "events/properties?property=page");
    assert_eq!(
        values["values"],
        json!([{"value": "/shop", "count": 1, "share": 1.0}])
    );
    let keys = asked(&server, "events/properties");
    assert_eq!(keys["properties"][0]["property"], "metadata.message");
    let session = asked(&server, "sessions")["items"][0].clone();
    assert_eq!(
        (&session["session_id"], &session["rows"], &session["errors"]),
        (&json!("s1"), &json!(2), &json!(1))
    );

    let error = asked(&server, "errors?state=open")["items"][0].clone();
    assert_eq!(
        (&error["title"], &error["state"]),
        (&json!("order <n> failed"), &json!("open"))
    );
    let print = error["fingerprint"].as_str().expect("a fingerprint");
    let occurrences = asked(&server, &format!("errors/events?fingerprint={print}"));
    assert_eq!(
        occurrences["items"][0]["event_id"],
        events["items"][0]["event_id"]
    );
}

#[test]
fn a_resolved_error_that_comes_again_is_open() {
    let server = server();
    let posted = |message: &str| {
        post(
            &server,
            Kind::Event,
            &json!({"event_type": "error_occurrence", "event_data": {"message": message}, "session_id": "s"}),
        );
    };
    posted("order 17 failed");
    let print = wait::until("the error", PATIENCE, || {
        let error = asked(&server, "errors")["items"][0].clone();
        error["fingerprint"].as_str().map(str::to_owned)
    });
    admin(
        &server,
        "PATCH",
        &format!("/api/errors/{print}"),
        &json!({"state": "resolved"}),
    );
    assert_eq!(asked(&server, "errors?state=open")["total"], 0);
    assert_eq!(
        asked(&server, "errors?state=resolved")["items"][0]["state"],
        "resolved"
    );
    posted("order 18 failed");
    wait::until("the error again", PATIENCE, || {
        let error = asked(&server, "errors?state=open")["items"][0].clone();
        (error["state"] == "reopened" && error["count"] == 2).then_some(())
    });
}

/// A file, and its name.
fn file(server: &Fresnel, address: &str) -> (String, String) {
    let answer = server
        .get(&format!("/api/analytics/{address}"))
        .expect_status(200);
    let name = answer.header("content-disposition").expect("a name").to_owned();
    (name, answer.text().to_owned())
}

#[test]
fn lists_are_files_with_all_their_pages() {
    let options = Options::new()
        .set("FRESNEL_FLUSH__MAX_WAIT_MS", 50)
        .set("FRESNEL_WAREHOUSE__EXPORT_ROWS_MAX", 5)
        .set("FRESNEL_CACHE__ENABLED", false);
    let server = Fresnel::start(options);
    for number in 0..7 {
        let step =
            json!({"step": "effect_viewed", "session_id": format!("=s{number}"), "metadata": {"a": "x,y"}});
        post(&server, Kind::Funnel, &step);
    }
    let list = "events/list?kind=funnel";
    wait::until("all rows", PATIENCE, || {
        (asked(&server, list)["items"].as_array().map(Vec::len) == Some(7)).then_some(())
    });
    // Three pages of two rows, cut at the limit.
    let (name, csv) = file(&server, &format!("{list}&limit=2&format=csv"));
    assert_eq!(name, "attachment; filename=\"fresnel-events.csv\"");
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 5, "{csv}");
    assert!(lines[0].starts_with("kind,event_id,ts,name,session_id,"), "{csv}");
    assert!(lines[1].contains(",'=s"), "{csv}");
    assert!(lines[1].ends_with(r#","{""a"":""x,y""}""#), "{csv}");
    let (_, ndjson) = file(&server, &format!("{list}&limit=3&format=ndjson"));
    let rows: Vec<Value> = ndjson
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let ids: std::collections::BTreeSet<_> = rows.iter().map(|row| row["event_id"].to_string()).collect();
    assert_eq!((rows.len(), ids.len()), (5, 5));
    let (_, json) = file(&server, &format!("{list}&format=json"));
    let whole: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(whole.as_array().map(Vec::len), Some(5));
    assert_eq!(whole[0]["data"]["a"], "x,y");

    let (_, steps) = file(&server, "funnel?steps=effect_viewed,effect_started&format=csv");
    assert!(steps.starts_with("step,sessions,"), "{steps}");
    assert!(steps.contains("\r\neffect_viewed,7,1.0,"), "{steps}");
    let (_, groups) = file(
        &server,
        "funnel?steps=effect_viewed,effect_started&format=csv&breakdown=metadata.a",
    );
    assert!(groups.contains("\r\n\"x,y\",7,0,0.0,"), "{groups}");
    let (_, sessions) = file(&server, "sessions?format=ndjson");
    assert_eq!(sessions.lines().count(), 5);
    assert_eq!(file(&server, "errors?format=csv").1, "");
    assert_eq!(file(&server, "errors?format=json").1.trim_end(), "[\n]");
}

#[test]
fn parameters_that_cannot_be_used_are_named() {
    let server = Fresnel::shared();
    for (address, field) in [
        ("events/list?kind=trace", "kind"),
        ("events/list?limit=1001", "limit"),
        ("events/list?cursor=x", "cursor"),
        ("events/list?step=effect_viewed", "step"),
        ("events/summary?interval=2m", "interval"),
        ("events/summary?interval=1m&groups_max=100", "interval"),
        ("events/properties?property=colour", "property"),
        ("sessions?limit=0", "limit"),
        ("sessions?cursor=MSAxIDI%3D", "cursor"),
        ("sessions/timeline", "session_id"),
        ("errors?state=new", "state"),
        ("errors?page_size=501", "page_size"),
        ("errors/events", "fingerprint"),
        ("errors/events?fingerprint=xyz", "fingerprint"),
        ("sessions?colour=red", "colour"),
        ("sessions?format=xml", "format"),
        ("errors?format=csv&sort=x", "sort"),
        ("events/list?format=csv&limit=0", "limit"),
        ("performance/timeseries?type=page_load_time&format=csv", "format"),
        ("performance/heatmap", "type"),
        ("performance/heatmap?type=page_load_time&name=LCP", "name"),
        (
            "performance/heatmap?type=page_load_time&interval=1m&from=now-30d",
            "interval",
        ),
        ("impact", "page"),
        ("impact?page=/&type=core_web_vitals", "name"),
        ("impact?page=/&bounds=2,1", "bounds"),
        ("impact?page=/&bands=1", "bands"),
    ] {
        let answer = server
            .get(&format!("/api/analytics/{address}"))
            .expect_status(400);
        assert_eq!(answer.details()[0].0, field, "{address}");
    }
}
