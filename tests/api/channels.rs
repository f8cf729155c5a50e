//! `/api/channels`, `/api/deliveries`

use serde_json::{Value, json};

use super::managing::{actions, admin, call, project, text};
use super::rules::faults;
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::third_party::ThirdParty;
use crate::harness::{Fresnel, Options};

/// 32 bytes; what follows the prefix must be in no answer and in no log.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// What is secret of the targets below.
const SECRETS: [&str; 5] = [
    "MDEyMzQ1",
    "hidden-path",
    "hidden-key",
    "hidden-header",
    "hidden-query",
];

fn targets() -> [Value; 5] {
    let url = "https://hooks.example:8443/hidden-path?hidden-query=1";
    [
        json!({"kind": "webhook", "url": url, "secret": SECRET}),
        json!({"kind": "slack", "url": url}),
        json!({"kind": "pager_duty", "routing_key": "hidden-key", "url": url}),
        json!({"kind": "alertmanager", "url": url, "authorization": "Bearer hidden-header"}),
        json!({"kind": "email", "recipients": ["Ada@example.org", "eve@example.org"]}),
    ]
}

#[test]
fn where_a_channel_leads_is_in_no_answer_and_in_no_log() {
    let server = Fresnel::shared();
    let id = project(&server, "channels");
    let path = format!("/api/channels?project={id}");
    let mut texts = Vec::new();
    let mut send = |method: &str, path: &str, body: &Value| {
        let answer = call(&server, ADMIN_TOKEN, method, path, body);
        texts.push(answer.text());
        answer
    };
    for target in targets() {
        let kind = text(&target["kind"]);
        let made = send("POST", &path, &json!({"name": kind, "target": target})).expect_status(201);
        let made = made.json()["data"].clone();
        assert_eq!(made.get("secret"), None, "what was given is known");
        let shown = match kind.as_str() {
            "email" => {
                json!({"kind": kind, "recipients": ["ada@example.org", "eve@example.org"], "is_readable": true})
            }
            _ => json!({"kind": kind, "url": "https://hooks.example:8443", "is_readable": true}),
        };
        assert_eq!(made["target"], shown);
        let one = format!("/api/channels/{}?project={id}", text(&made["id"]));
        send("GET", &one, &Value::Null).expect_status(200);
        send(
            "PATCH",
            &one,
            &json!({"revision": 1, "group_wait_ms": 5_000, "target": target}),
        )
        .expect_status(200);
        send(
            "PATCH",
            &one,
            &json!({"revision": 2, "target": {"kind": kind, "secret": SECRET, "x": SECRET}}),
        )
        .expect_status(422);
    }
    let list = send("GET", &path, &Value::Null).expect_status(200);
    assert_eq!(list.json()["data"]["total"], 5);
    send(
        "GET",
        &format!("/api/audit?project={id}&page_size=500"),
        &Value::Null,
    )
    .expect_status(200);
    texts.push(server.log());
    for text in &texts {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    assert!(actions(&server, &id).contains(&"channel.create".to_owned()));
}

#[test]
fn the_secret_of_a_webhook_is_shown_once_and_can_be_changed() {
    let server = Fresnel::shared();
    let id = project(&server, "secrets");
    let url = "https://hooks.example/x";
    let body = json!({"name": "hook", "target": {"kind": "webhook", "url": url}});
    let made = admin(&server, "POST", &format!("/api/channels?project={id}"), &body);
    let first = text(&made["secret"]);
    assert!(first.starts_with("whsec_") && first.len() > 40, "{first}");
    let one = format!("/api/channels/{}?project={id}", text(&made["id"]));
    assert_eq!(admin(&server, "GET", &one, &Value::Null).get("secret"), None);
    // Another address keeps it.
    let moved = json!({"revision": 1, "target": {"kind": "webhook", "url": "https://other.example/x"}});
    let moved = admin(&server, "PATCH", &one, &moved);
    assert_eq!(
        (moved.get("secret"), &moved["target"]["url"]),
        (None, &json!("https://other.example"))
    );

    let rotate = format!("/api/channels/{}/rotate?project={id}", text(&made["id"]));
    let rotated = admin(&server, "POST", &rotate, &Value::Null);
    let second = text(&rotated["secret"]);
    assert_ne!(first, second);
    let until_ms = rotated["target"]["previous_secret_until_ms"]
        .as_i64()
        .expect("a time");
    let ahead_ms = until_ms - rotated["updated_at_ms"].as_i64().expect("a time");
    assert!((86_000_000..=86_400_000).contains(&ahead_ms), "{ahead_ms}");
    assert_eq!(rotated["revision"], 3);
    let shown = admin(&server, "GET", &one, &Value::Null);
    assert!(!shown.to_string().contains("whsec_"));
    // Of another kind it has none, and a webhook that was something else has a new one.
    let mail = json!({"revision": 3, "target": {"kind": "email", "recipients": ["ada@example.org"]}});
    admin(&server, "PATCH", &one, &mail);
    let refused = call(&server, ADMIN_TOKEN, "POST", &rotate, &Value::Null).expect_status(409);
    assert_eq!(refused.details(), [("target.kind".into(), "conflict".into())]);
    let back = json!({"revision": 4, "target": {"kind": "webhook", "url": url}});
    let third = text(&admin(&server, "PATCH", &one, &back)["secret"]);
    assert!(third != first && third != second);
    let audit = admin(
        &server,
        "GET",
        &format!("/api/audit?project={id}&action=channel"),
        &Value::Null,
    );
    for secret in [first, second, third] {
        assert!(!audit.to_string().contains(&secret));
    }
    assert!(actions(&server, &id).contains(&"channel.rotate".to_owned()));
}

#[test]
fn every_fault_of_a_channel_is_named_and_addresses_are_looked_at() {
    let server = Fresnel::shared();
    let id = project(&server, "channel-faults");
    let path = format!("/api/channels?project={id}");
    let url = "https://hooks.example/x";
    for (body, expected) in [
        (json!({}), vec![("name", "missing"), ("target", "missing")]),
        (
            json!({"name": "x", "target": {"url": url}, "level_min": "loud", "group_wait_ms": 600_001}),
            vec![
                ("group_wait_ms", "out_of_range"),
                ("level_min", "unknown_value"),
                ("target.kind", "missing"),
            ],
        ),
        (
            json!({"name": "x", "target": {"kind": "fax"}}),
            vec![("target.kind", "unknown_value")],
        ),
        (
            json!({"name": "x", "target": {"kind": "webhook", "secret": "whsec_eA==", "routing_key": "x"}}),
            vec![
                ("target.routing_key", "unknown_field"),
                ("target.secret", "bad_format"),
                ("target.url", "missing"),
            ],
        ),
        (
            json!({"name": "x", "target": {"kind": "pager_duty", "routing_key": "a b"}, "remind_after_ms": 1}),
            vec![
                ("remind_after_ms", "out_of_range"),
                ("target.routing_key", "bad_format"),
            ],
        ),
        (
            json!({"name": "x", "target": {"kind": "email", "recipients": ["a@b.example", "nobody"]}}),
            vec![("target.recipients.1", "bad_format")],
        ),
        (
            json!({"name": "x", "target": {"kind": "email", "recipients": []}}),
            vec![("target.recipients", "out_of_range")],
        ),
        (
            json!({"name": "x", "target": {"kind": "slack", "url": url}, "matcher": [{"label": 7, "values": []}]}),
            vec![("matcher.0.label", "wrong_type")],
        ),
    ] {
        let answer = call(&server, ADMIN_TOKEN, "POST", &path, &body);
        let expected: Vec<_> = expected
            .iter()
            .map(|(field, code)| ((*field).into(), (*code).into()))
            .collect();
        assert_eq!(faults(answer), expected, "{body}");
    }
    for url in [
        "http://hooks.example/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/x",
        "https://localhost/x",
        "https://printer.local/x",
        "https://user:password@hooks.example/x",
        "ftp://hooks.example/x",
        "hooks.example",
    ] {
        for kind in ["webhook", "slack", "alertmanager"] {
            let body = json!({"name": "x", "target": {"kind": kind, "url": url}});
            let answer = call(&server, ADMIN_TOKEN, "POST", &path, &body);
            assert_eq!(
                faults(answer),
                [("target.url".into(), "bad_format".into())],
                "{kind} {url}"
            );
        }
    }
    assert_eq!(admin(&server, "GET", &path, &Value::Null)["total"], 0);
}

#[test]
fn channels_change_with_their_revision_and_in_their_project() {
    let server = Fresnel::shared();
    let (id, other) = (project(&server, "revisions"), project(&server, "other"));
    let new = |name: &str| json!({"name": name, "target": {"kind": "slack", "url": "https://hooks.example/x"}, "remind_after_ms": 60_000});
    let path = format!("/api/channels?project={id}");
    let made = admin(&server, "POST", &path, &new("room"));
    admin(&server, "POST", &path, &new("taken"));
    let one =
        |project: &str, tail: &str| format!("/api/channels/{}{tail}?project={project}", text(&made["id"]));
    let changed = admin(
        &server,
        "PATCH",
        &one(&id, ""),
        &json!({"revision": 1, "remind_after_ms": null, "level_min": "critical"}),
    );
    assert_eq!(
        (changed.get("remind_after_ms"), &changed["level_min"]),
        (None, &json!("critical"))
    );
    assert_eq!(changed["target"], made["target"]);
    for (body, field) in [
        (json!({"revision": 1}), "revision"),
        (json!({"revision": 2, "name": "taken"}), "name"),
    ] {
        let answer = call(&server, ADMIN_TOKEN, "PATCH", &one(&id, ""), &body).expect_status(409);
        assert_eq!(answer.details(), [(field.into(), "conflict".into())]);
    }
    for (method, tail) in [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/rotate"),
    ] {
        let body = if method == "PATCH" {
            json!({"revision": 2})
        } else {
            Value::Null
        };
        call(&server, ADMIN_TOKEN, method, &one(&other, tail), &body).expect_status(404);
    }
    admin(&server, "DELETE", &one(&id, ""), &Value::Null);
    call(&server, ADMIN_TOKEN, "GET", &one(&id, ""), &Value::Null).expect_status(404);
}

#[test]
fn a_test_is_sent_at_once_and_told_without_secrets() {
    let options = Options::new().set("FRESNEL_OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8");
    let server = Fresnel::start_unready(options);
    let receiver = ThirdParty::serving("");
    let url = receiver.url("/hidden-path");
    let body = json!({"name": "hook", "target": {"kind": "webhook", "url": url, "secret": SECRET}});
    let made = admin(&server, "POST", "/api/channels", &body);
    let path = format!("/api/channels/{}/test", text(&made["id"]));
    let attempt = admin(&server, "POST", &path, &Value::Null);
    assert!(
        attempt["request_headers"]
            .as_str()
            .is_some_and(|lines| lines.contains("webhook-id: ")),
        "{attempt}"
    );
    assert!(!attempt.to_string().contains("hidden-path") && !attempt.to_string().contains("MDEyMzQ1"));
    assert_eq!(attempt["outcome"], "delivered");
    assert_eq!(receiver.visits(), 1);
}

#[test]
fn deliveries_are_looked_for_and_replayed_by_admins() {
    let server = Fresnel::shared();
    let id = project(&server, "deliveries");
    let path = format!("/api/deliveries?project={id}");
    for query in [
        "",
        "&state=dead",
        "&channel_id=0199e5a0-0000-7000-8000-000000000000&alert_id=0199e5a0-0000-7000-8000-000000000000",
    ] {
        assert_eq!(
            admin(&server, "GET", &format!("{path}{query}"), &Value::Null)["total"],
            0
        );
    }
    let wrong = call(
        &server,
        ADMIN_TOKEN,
        "GET",
        &format!("{path}&state=lost&channel_id=x&color=red"),
        &Value::Null,
    );
    let fields: Vec<_> = wrong
        .expect_status(400)
        .details()
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(fields, ["state", "channel_id", "color"]);
    let replay = format!("/api/deliveries/replay?project={id}");
    assert_eq!(
        admin(&server, "POST", &replay, &json!({})),
        json!({"replayed": 0})
    );
    let nobodys = json!({"channel_id": "0199e5a0-0000-7000-8000-000000000000"});
    call(&server, ADMIN_TOKEN, "POST", &replay, &nobodys).expect_status(404);
    let answer = call(&server, ADMIN_TOKEN, "POST", &replay, &json!({"channel_id": "x"}));
    assert_eq!(faults(answer), [("channel_id".into(), "bad_format".into())]);
    server.send(&Request::get(&path)).expect_status(401);
}
