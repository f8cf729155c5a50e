//! `/api/integrations`

use serde_json::{Value, json};

use super::managing::{actions, admin, call, project, text};
use super::rules::faults;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::third_party::ThirdParty;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, prometheus};

/// What must be in no answer and in no log.
const SECRETS: [&str; 3] = ["hidden-credential", "hidden-signing", "hidden-user"];

fn new_integration(base_url: Option<&str>) -> Value {
    json!({
        "service": "stripe",
        "base_url": base_url,
        "credential": {"username": "hidden-user", "secret": "hidden-credential"},
        "signing_secret": "hidden-signing",
    })
}

#[test]
fn the_catalogue_lists_services_by_their_ids_in_pages() {
    let server = Fresnel::shared();
    let list = |query: &str| {
        let path = format!("/api/integrations/catalogue{query}");
        admin(&server, "GET", &path, &Value::Null)
    };
    let all = list("?page_size=100");
    assert_eq!(all["total"], 17);
    let ids: Vec<String> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["id"]))
        .collect();
    assert!(ids.is_sorted() && ids.contains(&"stripe".to_owned()), "{ids:?}");
    let second = list("?page=2&page_size=5");
    assert_eq!(second["items"].as_array().unwrap().len(), 5);
    assert_eq!(second["items"][0]["id"], ids[5].as_str());
}

#[test]
fn an_integration_is_as_the_catalogue_has_it_but_for_what_the_project_says() {
    let server = Fresnel::shared();
    let id = project(&server, "vendors");
    let path = format!("/api/integrations?project={id}");
    let made = admin(&server, "POST", &path, &new_integration(None));
    assert_eq!(
        (&made["slug"], &made["definition"]["name"]),
        (&json!("stripe"), &json!("Stripe"))
    );
    assert_eq!(
        made["definition"],
        json!({"name": "Stripe", "is_enabled": true, "is_monitored": true})
    );
    let effective = &made["effective"];
    assert_eq!(effective["base_url"], "https://api.stripe.com");
    assert_eq!(effective["rate_limit"], json!({"calls": 100, "window_s": 60}));
    assert_eq!(
        (&made["has_credential"], &made["has_signing_secret"]),
        (&json!(true), &json!(true))
    );
    let hook = text(&made["hook_path"]);
    assert!(hook.starts_with("/hooks/stripe/fh_"), "{hook}");

    let one = format!("/api/integrations/{}?project={id}", text(&made["id"]));
    let shown = admin(&server, "GET", &one, &Value::Null);
    assert_eq!(shown.get("hook_path"), None, "it is shown once");
    let change = json!({"revision": 1, "name": "Payments", "sla": {"availability_percent": 99.0, "response_ms": 500, "error_percent": 2}, "signing_secret": null});
    let changed = admin(&server, "PATCH", &one, &change);
    assert_eq!(changed["effective"]["sla"]["response_ms"], 500);
    assert_eq!(
        (&changed["has_credential"], &changed["has_signing_secret"]),
        (&json!(true), &json!(false))
    );
    let back = admin(&server, "PATCH", &one, &json!({"revision": 2, "sla": null}));
    assert_eq!(back["effective"]["sla"]["response_ms"], 2_000);
    let late = call(&server, ADMIN_TOKEN, "PATCH", &one, &json!({"revision": 1}));
    assert_eq!(late.expect_status(409).code(), "CONFLICT");

    let rotated = admin(&server, "POST", &one.replace('?', "/rotate?"), &Value::Null);
    assert_ne!(rotated["hook_path"], hook.as_str());
    // A second one of the same service needs another name.
    let second = call(&server, ADMIN_TOKEN, "POST", &path, &new_integration(None)).expect_status(409);
    assert_eq!(second.details(), [("slug".into(), "conflict".into())]);
    let mut other = new_integration(None);
    other["slug"] = json!("stripe-eu");
    admin(&server, "POST", &path, &other);
    let list = admin(&server, "GET", &path, &Value::Null);
    let slugs: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["slug"]))
        .collect();
    assert_eq!(slugs, ["stripe", "stripe-eu"]);
    admin(&server, "DELETE", &one, &Value::Null);
    call(&server, ADMIN_TOKEN, "GET", &one, &Value::Null).expect_status(404);
    let told = actions(&server, &id);
    for action in ["create", "update", "rotate_hook", "delete"] {
        assert!(told.contains(&format!("integration.{action}")), "{told:?}");
    }
}

#[test]
fn what_is_secret_of_an_integration_is_in_no_answer_and_in_no_log() {
    let server = Fresnel::shared();
    let id = project(&server, "secrets");
    let path = format!("/api/integrations?project={id}");
    let made = call(&server, ADMIN_TOKEN, "POST", &path, &new_integration(None)).expect_status(201);
    let one = format!(
        "/api/integrations/{}?project={id}",
        text(&made.json()["data"]["id"])
    );
    let mut texts = vec![made.text()];
    let mut send = |method: &str, path: &str, body: &Value| {
        texts.push(call(&server, ADMIN_TOKEN, method, path, body).text())
    };
    send("GET", &one, &Value::Null);
    send("GET", &path, &Value::Null);
    let faulty = json!({"revision": 1, "credential": {"secret": "hidden-credential", "x": "hidden-user"}, "signing_secret": ["hidden-signing"]});
    send("PATCH", &one, &faulty);
    send(
        "GET",
        &format!("/api/audit?project={id}&page_size=500"),
        &Value::Null,
    );
    texts.push(server.log());
    for text in &texts {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

#[test]
fn every_fault_of_an_integration_is_named() {
    let server = Fresnel::shared();
    let id = project(&server, "faulty");
    let path = format!("/api/integrations?project={id}");
    for (body, expected) in [
        (json!({}), vec![("service", "missing")]),
        (json!({"service": "Stripe"}), vec![("service", "bad_format")]),
        (json!({"service": "nobody"}), vec![("service", "unknown_value")]),
        (json!({"service": "custom"}), vec![("base_url", "missing")]),
        (json!({"service": "workday"}), vec![("base_url", "missing")]),
        (
            json!({"service": "stripe", "base_url": "http://127.0.0.1:1"}),
            vec![("base_url", "bad_format")],
        ),
        (
            json!({"service": "stripe", "base_url": "https://api.example/?a=b"}),
            vec![("base_url", "bad_format")],
        ),
        (
            json!({"service": "stripe", "rate_limit": {"calls": 0, "window_s": 1}}),
            vec![("rate_limit.calls", "out_of_range")],
        ),
        (
            json!({"service": "stripe", "headers": {"Host": "x"}}),
            vec![("headers", "out_of_range")],
        ),
        (
            json!({"service": "stripe", "credential": {"secret": ""}}),
            vec![("credential.secret", "out_of_range")],
        ),
        (
            json!({"service": "stripe", "signature": {"kind": "x"}}),
            vec![("signature.kind", "unknown_value")],
        ),
        (
            json!({"service": "stripe", "color": "red"}),
            vec![("color", "unknown_field")],
        ),
    ] {
        let found = faults(call(&server, ADMIN_TOKEN, "POST", &path, &body));
        let found: Vec<_> = found
            .iter()
            .map(|(field, code)| (field.as_str(), code.as_str()))
            .collect();
        assert_eq!(found, expected, "{body}");
    }
}

#[test]
fn a_trial_says_whether_the_service_answers_and_takes_the_credential() {
    let server =
        Fresnel::start_unready(Options::new().set("FRESNEL_OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8"));
    let mut vendor = ThirdParty::serving("{}");
    let id = project(&server, "trial");
    let path = format!("/api/integrations?project={id}");
    let made = admin(
        &server,
        "POST",
        &path,
        &new_integration(Some(&vendor.url("/api/"))),
    );
    let test = format!("/api/integrations/{}/test?project={id}", text(&made["id"]));
    let mut outcome = |status: Option<&str>| {
        match status {
            Some(status) => vendor.say(status, "", "{}"),
            None => vendor.die(),
        }
        let trial = admin(&server, "POST", &test, &Value::Null);
        assert!(trial["took_ms"].as_f64() > Some(0.0), "{trial}");
        (
            text(&trial["outcome"]),
            trial["status"].as_u64(),
            trial["error"].is_string(),
        )
    };
    assert_eq!(outcome(Some("200 OK")), ("ok".into(), Some(200), false));
    assert_eq!(
        outcome(Some("401 No")),
        ("credential_refused".into(), Some(401), false)
    );
    assert_eq!(outcome(Some("500 No")), ("failed".into(), Some(500), false));
    assert_eq!(outcome(None), ("no_answer".into(), None, true));
    assert_eq!(
        vendor.heads()[0].lines().next(),
        Some("get /api/v1/balance http/1.1")
    );
    assert!(vendor.heads()[0].contains("authorization: bearer hidden-credential\r\n"));
}

#[test]
fn a_credential_that_ends_soon_is_told_before_calls_begin_to_fail() {
    let server = Fresnel::start_unready(Options::new());
    let now_ms = fresnel::clock::now().as_millis();
    let ending = |days: i64| {
        let mut body = new_integration(None);
        body["slug"] = json!(format!("ends-in-{days}"));
        body["credential"]["expires_at_ms"] = json!(now_ms + days * 86_400_000);
        body["is_monitored"] = json!(false);
        admin(&server, "POST", "/api/integrations", &body)
    };
    let (soon, late) = (ending(3), ending(30));
    assert_eq!(soon["is_credential_ending"], true);
    assert_eq!(soon["credential_expires_at_ms"], json!(now_ms + 3 * 86_400_000));
    assert_eq!(late["is_credential_ending"], false);
    let ending_now = || {
        let page = server.get("/metrics").text();
        let samples = prometheus::parse(&page).expect("metrics");
        let found = samples
            .iter()
            .find(|sample| sample.name == "fresnel_vendor_credentials_ending");
        found.map(|sample| sample.value)
    };
    wait::until("one is counted", PATIENCE, || {
        (ending_now() == Some(1.0)).then_some(())
    });
    // A new one without an end is well.
    let path = format!("/api/integrations/{}", text(&soon["id"]));
    let anew = json!({"revision": soon["revision"], "credential": {"secret": "another"}});
    let anew = admin(&server, "PATCH", &path, &anew);
    assert_eq!(anew["credential_expires_at_ms"], Value::Null);
    wait::until("none is counted", PATIENCE, || {
        (ending_now() == Some(0.0)).then_some(())
    });
}
