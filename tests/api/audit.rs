//! `GET /api/audit`

use serde_json::{Value, json};

use super::managing::{admin, call, key, project, text};
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

#[test]
fn entries_say_who_and_from_which_network_and_are_filtered() {
    let server = Fresnel::shared();
    let id = project(&server, "audited");
    // A project gets its default rules a moment after it is made, which is an entry too.
    wait::until("the default rules", PATIENCE, || {
        let path = format!("/api/audit?project={id}&action=rule.defaults");
        (admin(&server, "GET", &path, &Value::Null)["total"] == 1).then_some(())
    });
    let scopes = json!({"kind": "server", "name": "ci", "scopes": ["manage"]});
    let (manage_id, manage) = key(&server, &id, &scopes);
    let browser = json!({"kind": "browser", "name": "page"});
    let made = call(&server, &manage, "POST", "/api/keys", &browser).expect_status(201);
    let made = text(&made.json()["data"]["id"]);
    call(
        &server,
        &manage,
        "DELETE",
        &format!("/api/keys/{made}"),
        &Value::Null,
    )
    .expect_status(200);

    let list = |query: &str| {
        let page = admin(
            &server,
            "GET",
            &format!("/api/audit?project={id}{query}"),
            &Value::Null,
        );
        page["items"].as_array().expect("a list").clone()
    };
    let all = list("");
    assert_eq!(all.len(), 5);
    let newest = &all[0];
    assert_eq!(newest["action"], "key.revoke");
    assert_eq!(newest["target"], made.as_str());
    assert_eq!(newest["level"], "warning");
    assert_eq!(
        newest["actor"],
        json!({"kind": "key", "id": manage_id, "name": "ci"})
    );
    assert_eq!(newest["ip_prefix"], "127.0.0.0/24");
    assert_eq!(all[4]["actor"]["name"], "Bootstrap admin token");

    assert_eq!(list(&format!("&user={manage_id}")).len(), 2);
    assert_eq!(list("&action=key").len(), 3);
    assert_eq!(list("&action=key.create").len(), 2);
    assert_eq!(list("&level=warning").len(), 1);
    assert_eq!(list("&from=2100-01-01T00:00:00Z").len(), 0);
    assert_eq!(list("&to=2100-01-01T00:00:00%2B01:00").len(), 5);
    assert_eq!(list("&page=2&page_size=3").len(), 2);
    // A key sees its own project's without naming it.
    let own = call(&server, &manage, "GET", "/api/audit", &Value::Null).expect_status(200);
    assert_eq!(own.json()["data"]["total"], 5);
}

#[test]
fn parameters_are_checked() {
    let server = Fresnel::shared();
    let query = "/api/audit?user=x&level=loud&from=yesterday&color=red";
    let answer = call(&server, ADMIN_TOKEN, "GET", query, &Value::Null).expect_status(400);
    let fields: Vec<_> = answer.details().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["user", "level", "from", "color"]);
}

#[test]
fn behind_a_proxy_the_client_is_named_and_only_by_its_network() {
    let server = Fresnel::start(Options::new().set("FRESNEL_SERVER__TRUSTED_PROXIES", 1));
    for (address, network) in [
        ("198.51.100.1, 203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:7:8::9", "2001:db8:7::/48"),
    ] {
        let request = Request::post(
            "/api/users",
            json!({"email": format!("{}@example.org", network.len()), "name": "x"}).to_string(),
        )
        .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
        .header("content-type", "application/json")
        .header("x-forwarded-for", address);
        server.send(&request).expect_status(201);
        let page = admin(&server, "GET", "/api/audit?action=user&page_size=1", &Value::Null);
        assert_eq!(page["items"][0]["ip_prefix"], network);
    }
}
