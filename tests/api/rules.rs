//! `/api/rules`, `/api/silences`, `/api/inhibitions`

use serde_json::{Value, json};

use super::managing::{actions, admin, call, project, text};
use crate::harness::Fresnel;
use crate::harness::http::Answer;
use crate::harness::server::ADMIN_TOKEN;

/// Fields and codes of what is wrong, in their order by names.
pub(super) fn faults(answer: Answer) -> Vec<(String, String)> {
    let mut details = answer.expect_status(422).details();
    details.sort();
    details
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(field, code): &(&str, &str)| ((*field).to_owned(), (*code).to_owned());
    list.iter().map(pair).collect()
}

fn slow(name: &str) -> Value {
    json!({
        "name": name, "description": "Look at the slow queries.", "runbook_url": "https://wiki.example/slow",
        "watch": {"kind": "metric", "type": "api_response_time", "aggregate": "p95", "group_by": ["page"],
            "filters": {"environment": ["production"]}, "window_ms": 600_000, "events_min": 20},
        "thresholds": {"warning": 1_000, "critical": 2_000.5}, "for_ms": 60_000, "no_data": "ok",
    })
}

#[test]
fn a_rule_is_made_changed_and_found() {
    let server = Fresnel::shared();
    let id = project(&server, "rules");
    let path = format!("/api/rules?project={id}");
    let made = admin(&server, "POST", &path, &slow("Slow calls"));
    for (field, value) in slow("Slow calls").as_object().expect("a rule") {
        if !matches!(field.as_str(), "watch" | "thresholds") {
            assert_eq!(&made[field], value, "{field}");
        }
    }
    assert_eq!(
        (&made["revision"], &made["is_enabled"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(made["watch"]["filters"], json!({"environment": ["production"]}));
    let one = format!("/api/rules/{}?project={id}", text(&made["id"]));
    let shown = admin(&server, "GET", &one, &Value::Null);
    assert_eq!((&shown["phase"], &shown["groups"]), (&json!("ok"), &json!(0)));
    assert_eq!(shown["thresholds"], made["thresholds"]);
    let states = format!("/api/rules/{}/states?project={id}", text(&made["id"]));
    assert_eq!(admin(&server, "GET", &states, &Value::Null)["items"], json!([]));

    // What is left out stays, and null takes away.
    let change = json!({"revision": 1, "name": "Slower calls", "description": null, "is_enabled": false,
        "thresholds": {"critical": 5_000}});
    let changed = admin(&server, "PATCH", &one, &change);
    assert_eq!(
        (&changed["name"], &changed["revision"]),
        (&json!("Slower calls"), &json!(2))
    );
    assert_eq!(
        (&changed["watch"], &changed["for_ms"]),
        (&made["watch"], &json!(60_000))
    );
    assert_eq!(changed.get("description"), None);
    assert_eq!(changed["runbook_url"], made["runbook_url"]);
    assert_eq!(
        changed["thresholds"],
        json!({"direction": "above", "critical": 5_000.0})
    );
    let late = call(&server, ADMIN_TOKEN, "PATCH", &one, &change).expect_status(409);
    assert_eq!(late.details(), pairs(&[("revision", "conflict")]));

    admin(&server, "POST", &path, &slow("Other"));
    let twice = call(&server, ADMIN_TOKEN, "POST", &path, &slow("Other")).expect_status(409);
    assert_eq!(twice.details(), pairs(&[("name", "conflict")]));
    // A project has rules from the begin, but they come by themselves.
    for (search, names) in [
        ("SLOWER", vec!["Slower calls"]),
        ("her", vec!["Other"]),
        ("%25", vec![]),
    ] {
        let found = admin(&server, "GET", &format!("{path}&search={search}"), &Value::Null);
        let items = found["items"].as_array().expect("a list");
        let found: Vec<_> = items.iter().map(|rule| text(&rule["name"])).collect();
        assert_eq!(found, names, "{search}");
    }
    let second = admin(
        &server,
        "GET",
        &format!("{path}&page=2&page_size=1"),
        &Value::Null,
    );
    assert_eq!(
        (second["items"].as_array().map(Vec::len), &second["page"]),
        (Some(1), &json!(2))
    );
    let wrong = call(
        &server,
        ADMIN_TOKEN,
        "GET",
        &format!("{path}&color=red"),
        &Value::Null,
    );
    assert_eq!(
        wrong.expect_status(400).details(),
        pairs(&[("color", "unknown_field")])
    );

    admin(&server, "DELETE", &one, &Value::Null);
    call(&server, ADMIN_TOKEN, "GET", &one, &Value::Null).expect_status(404);
    let actions = actions(&server, &id);
    for action in ["rule.create", "rule.update", "rule.delete"] {
        assert!(actions.contains(&action.to_owned()), "{actions:?}");
    }
}

#[test]
fn another_projects_rule_is_not_there() {
    let server = Fresnel::shared();
    let (mine, other) = (project(&server, "mine"), project(&server, "other"));
    let made = admin(
        &server,
        "POST",
        &format!("/api/rules?project={other}"),
        &slow("Slow"),
    );
    let id = text(&made["id"]);
    for (method, path, body) in [
        ("GET", format!("/api/rules/{id}?project={mine}"), Value::Null),
        (
            "GET",
            format!("/api/rules/{id}/states?project={mine}"),
            Value::Null,
        ),
        (
            "PATCH",
            format!("/api/rules/{id}?project={mine}"),
            json!({"revision": 1}),
        ),
        ("DELETE", format!("/api/rules/{id}?project={mine}"), Value::Null),
    ] {
        let answer = call(&server, ADMIN_TOKEN, method, &path, &body);
        assert_eq!(
            (answer.status, answer.code()),
            (404, "NOT_FOUND".to_owned()),
            "{method} {path}"
        );
    }
    admin(
        &server,
        "GET",
        &format!("/api/rules/{id}?project={other}"),
        &Value::Null,
    );
}

#[test]
fn every_fault_of_a_rule_is_named_with_its_exact_place() {
    let server = Fresnel::shared();
    let id = project(&server, "faults");
    let path = format!("/api/rules?project={id}");
    let cases = [
        (
            json!({}),
            vec![
                ("name", "missing"),
                ("thresholds", "missing"),
                ("watch", "missing"),
            ],
        ),
        (
            json!({"name": "", "watch": {"window_ms": 7}, "thresholds": {}, "for_ms": -1, "no_data": "burn", "extra": 1}),
            vec![
                ("extra", "unknown_field"),
                ("for_ms", "wrong_type"),
                ("name", "empty"),
                ("no_data", "unknown_value"),
                ("watch.kind", "missing"),
            ],
        ),
        (
            json!({"name": "x", "watch": {"kind": "metrics"}, "thresholds": {"warning": "a"}}),
            vec![
                ("thresholds.warning", "wrong_type"),
                ("watch.kind", "unknown_value"),
            ],
        ),
        (
            json!({"name": "x", "watch": {"kind": "metric", "aggregate": "p42"}, "thresholds": {"fatal": 1}}),
            vec![
                ("thresholds.fatal", "unknown_field"),
                ("watch.aggregate", "unknown_value"),
            ],
        ),
        (
            json!({"name": "x", "watch": {"kind": "metric", "group_by": ["page", "colour"]}, "thresholds": {"info": 1}}),
            vec![("watch.group_by.1", "unknown_value")],
        ),
        (
            json!({"name": "x", "watch": {"kind": "memory", "window_ms": 60_000}, "thresholds": {"info": 1}}),
            vec![("watch.window_ms", "unknown_field")],
        ),
        (
            json!({"name": "x", "watch": {"kind": "single", "type": "x"}, "thresholds": {}, "for_ms": 5,
                "keep_firing_for_ms": 1}),
            vec![
                ("for_ms", "out_of_range"),
                ("keep_firing_for_ms", "out_of_range"),
                ("thresholds", "missing"),
                ("watch.type", "unknown_value"),
            ],
        ),
        (
            json!({"name": "x", "watch": {"kind": "metric", "window_ms": 90_000, "filters": {"page": []}},
                "thresholds": {"warning": 2, "critical": 1}}),
            vec![
                ("thresholds.critical", "out_of_range"),
                ("watch.filters.page", "out_of_range"),
                ("watch.window_ms", "out_of_range"),
            ],
        ),
        (
            json!({"name": "x", "watch": [], "thresholds": 7}),
            vec![("thresholds", "wrong_type"), ("watch", "wrong_type")],
        ),
    ];
    for (body, expected) in cases {
        let answer = call(&server, ADMIN_TOKEN, "POST", &path, &body);
        assert_eq!(faults(answer), pairs(&expected), "{body}");
    }
}

#[test]
fn every_fault_of_a_change_to_a_rule_is_named_with_its_exact_place() {
    let server = Fresnel::shared();
    let id = project(&server, "changed-faults");
    let path = format!("/api/rules?project={id}");
    let made = admin(&server, "POST", &path, &slow("Slow"));
    let one = format!("/api/rules/{}?project={id}", text(&made["id"]));
    let body = json!({"thresholds": {"warning": null}, "watch": {"kind": "ledger", "measure": "x"}});
    let answer = call(&server, ADMIN_TOKEN, "PATCH", &one, &body);
    let expected = [
        ("revision", "missing"),
        ("thresholds", "missing"),
        ("watch.measure", "unknown_value"),
    ];
    assert_eq!(faults(answer), pairs(&expected));
}

#[test]
fn a_rule_is_tried_over_the_past_and_not_kept() {
    let server = Fresnel::shared();
    let id = project(&server, "backtests");
    let path = format!("/api/rules/backtest?project={id}");
    let tried = admin(&server, "POST", &path, &slow("Slow"));
    assert_eq!(tried["firings"], json!([]));
    assert_eq!(tried["window_ms"], 600_000);
    assert_eq!(tried["thresholds"]["warning"], 1_000.0);
    let mut body = slow("Slow");
    body["from"] = json!("yesterday");
    body["watch"]["window_ms"] = json!("long");
    let expected = pairs(&[("from", "bad_format"), ("watch.window_ms", "wrong_type")]);
    assert_eq!(faults(call(&server, ADMIN_TOKEN, "POST", &path, &body)), expected);
    let found = admin(
        &server,
        "GET",
        &format!("/api/rules?project={id}&search=Slow"),
        &Value::Null,
    );
    let items = found["items"].as_array().expect("a list");
    assert!(items.iter().all(|rule| rule["name"] != "Slow"), "{items:?}");
}

#[test]
fn silences_are_made_listed_and_ended() {
    let server = Fresnel::shared();
    let id = project(&server, "silences");
    let path = format!("/api/silences?project={id}");
    let matcher = json!([{"label": "page", "values": ["/checkout"]}]);
    let body = json!({"matcher": matcher, "ends_at": "2090-01-01T00:00:00+01:00",
        "starts_at": "2089-12-31T00:00:00Z", "comment": "a migration"});
    let made = admin(&server, "POST", &path, &body);
    assert_eq!(made["ends_at_ms"], 3_786_908_400_000_i64);
    assert_eq!(made["matcher"][0]["values"], json!(["/checkout"]));
    assert_eq!(made["created_by"]["kind"], "key");
    let over = json!({"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-02T00:00:00Z"});
    admin(&server, "POST", &path, &over);
    for (query, total) in [("", 1), ("&over=false", 1), ("&over=true", 2)] {
        let found = admin(&server, "GET", &format!("{path}{query}"), &Value::Null);
        assert_eq!(found["total"], total, "{query}");
    }
    let wrong = call(
        &server,
        ADMIN_TOKEN,
        "GET",
        &format!("{path}&over=1"),
        &Value::Null,
    );
    assert_eq!(
        wrong.expect_status(400).details(),
        pairs(&[("over", "bad_format")])
    );
    for (body, expected) in [
        (json!({}), vec![("ends_at", "missing")]),
        (
            json!({"ends_at": "tomorrow", "starts_at": 7}),
            vec![("ends_at", "bad_format"), ("starts_at", "wrong_type")],
        ),
        (
            json!({"ends_at": "2020-01-01T00:00:00Z"}),
            vec![("ends_at", "out_of_range")],
        ),
        (
            json!({"ends_at": "2090-01-01T00:00:00Z", "starts_at": "2089-12-31T00:00:00Z", "matcher": [{"label": ""}]}),
            vec![("matcher.0.values", "missing")],
        ),
        (
            json!({"ends_at": "2090-01-01T00:00:00Z", "starts_at": "1969-12-31T00:00:00Z",
                "matcher": [{"label": "", "values": []}]}),
            vec![
                ("matcher.0.label", "bad_format"),
                ("matcher.0.values", "bad_format"),
                ("starts_at", "out_of_range"),
            ],
        ),
    ] {
        let answer = call(&server, ADMIN_TOKEN, "POST", &path, &body);
        assert_eq!(faults(answer), pairs(&expected), "{body}");
    }
    let one = |project: &str| format!("/api/silences/{}?project={project}", text(&made["id"]));
    let other = project(&server, "other");
    call(&server, ADMIN_TOKEN, "DELETE", &one(&other), &Value::Null).expect_status(404);
    admin(&server, "DELETE", &one(&id), &Value::Null);
    call(&server, ADMIN_TOKEN, "DELETE", &one(&id), &Value::Null).expect_status(404);
    assert_eq!(admin(&server, "GET", &path, &Value::Null)["total"], 0);
}

#[test]
fn inhibitions_are_made_listed_and_deleted() {
    let server = Fresnel::shared();
    let id = project(&server, "inhibitions");
    let path = format!("/api/inhibitions?project={id}");
    let matcher = |level: &str| json!([{"label": "level", "values": [level]}]);
    let body = json!({"source": matcher("critical"), "target": matcher("warning"), "equal": ["page"]});
    let made = admin(&server, "POST", &path, &body);
    assert_eq!(made["equal"], json!(["page"]));
    assert_eq!(admin(&server, "GET", &path, &Value::Null)["items"], json!([made]));
    for (body, expected) in [
        (json!({"source": []}), vec![("target", "missing")]),
        (
            json!({"source": [], "target": matcher("info"), "equal": [""]}),
            vec![("equal", "bad_format"), ("source", "empty")],
        ),
        (
            json!({"source": [{"label": "a", "values": ["b"], "regex": true}], "target": matcher("info")}),
            vec![("source.0.regex", "unknown_field")],
        ),
    ] {
        let answer = call(&server, ADMIN_TOKEN, "POST", &path, &body);
        assert_eq!(faults(answer), pairs(&expected), "{body}");
    }
    let one = format!("/api/inhibitions/{}?project={id}", text(&made["id"]));
    admin(&server, "DELETE", &one, &Value::Null);
    assert_eq!(admin(&server, "GET", &path, &Value::Null)["total"], 0);
}
