//! `GET /api/openapi.json`, and the page to try it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::matrix;
use crate::harness::Fresnel;
use crate::harness::http::Request;

fn description(server: &Fresnel) -> Value {
    let answer = server.send(&Request::get("/api/openapi.json")).expect_status(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json().clone()
}

/// What a reference stands for.
fn resolved<'d>(description: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => description
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{reference} leads nowhere")),
        None => value,
    }
}

/// Every operation: its method, its address, and what is said of it.
fn operations(description: &Value) -> impl Iterator<Item = (String, &str, &Value)> {
    let paths = description["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("operations");
        item.iter()
            .map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    })
}

#[test]
fn every_address_and_method_is_described_and_no_other() {
    let server = Fresnel::shared();
    let description = description(&server);
    assert_eq!(description["openapi"], "3.1.0");
    let described: BTreeSet<_> = operations(&description)
        .map(|(method, path, _)| (method, path.to_owned()))
        // What goes to vendors and comes from them takes any method.
        .filter(|(_, path)| !path.starts_with("/relay/") && !path.starts_with("/hooks/"))
        .collect();
    let there: BTreeSet<_> = matrix::addresses_with_methods()
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(described, there);
}

#[test]
fn every_operation_says_what_it_is_how_it_may_fail_and_who_may() {
    let server = Fresnel::shared();
    let description = description(&server);
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&description) {
        let at = format!("{method} {path}");
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id), "{at}: {id} stands twice");
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|words| !words.is_empty()),
            "{at}"
        );
        assert!(operation["security"].is_array(), "{at}");
        let in_path = operation["parameters"].as_array().expect("parameters").iter();
        let in_path = in_path.filter(|one| one["in"] == "path");
        let named: BTreeSet<_> = in_path
            .map(|one| format!("{{{}}}", one["name"].as_str().expect("a name")))
            .collect();
        let wanted = path.split('/').filter(|part| part.starts_with('{'));
        assert_eq!(named, wanted.map(str::to_owned).collect(), "{at}");
        let responses = operation["responses"].as_object().expect("responses");
        let mut well = responses.keys().filter(|status| status.starts_with('2'));
        assert!(well.next().is_some(), "{at}");
        for (status, response) in responses {
            let response = resolved(&description, response);
            let words = response["description"].as_str().unwrap_or_default();
            assert!(!words.is_empty(), "{at} {status}");
            let is_empty = matches!(status.as_str(), "304" | "431");
            assert!(is_empty != response["content"].is_object(), "{at} {status}");
        }
    }
}

/// Codes that no operation has: they come from elsewhere, or from what goes to vendors and comes from them, whose bodies are not ours to describe.
const OF_NO_OPERATION: [&str; 12] = [
    "METHOD_NOT_ALLOWED",
    "BAD_IDEMPOTENCY_KEY",
    "BAD_PATH",
    "CREDENTIAL_UNREADABLE",
    "EXTERNAL_API_RETRY_FAILED",
    "IDEMPOTENCY_KEY_REUSED",
    "INTEGRATION_INCOMPLETE",
    "INTEGRATION_OFF",
    "NOT_VERIFIED",
    "VENDOR_LEFT_ALONE",
    "VENDOR_RATE_LIMIT",
    "VENDOR_TOKEN_UNAVAILABLE",
];

#[test]
fn the_codes_are_those_of_the_api_page() {
    let server = Fresnel::shared();
    let description = description(&server);
    let mut described: BTreeSet<String> = OF_NO_OPERATION.map(str::to_owned).into();
    for (_, _, operation) in operations(&description) {
        for response in operation["responses"].as_object().expect("responses").values() {
            let response = resolved(&description, response);
            let schema = &response["content"]["application/json"]["schema"];
            let codes = schema["allOf"][1]["properties"]["code"]["enum"].as_array();
            let codes = codes.into_iter().flatten().filter_map(Value::as_str);
            described.extend(codes.map(str::to_owned));
        }
    }
    let page = include_str!("../../docs/api.md");
    let table = page
        .split("| status | `code` |")
        .nth(1)
        .expect("the table of errors");
    let rows = table
        .lines()
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with('|'));
    let is_code = |text: &&str| text.len() > 3 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let documented: BTreeSet<_> = rows
        .flat_map(|row| row.split('`').filter(is_code))
        .map(str::to_owned)
        .collect();
    assert_eq!(described, documented);
}

#[test]
fn the_page_is_served_whole_and_may_reach_no_other_host() {
    let server = Fresnel::shared();
    for (path, media_type) in [
        ("/api/docs", "text/html; charset=utf-8"),
        ("/api/docs/page.js", "text/javascript; charset=utf-8"),
        ("/api/docs/page.css", "text/css; charset=utf-8"),
    ] {
        let answer = server.send(&Request::get(path)).expect_status(200);
        assert_eq!(answer.header("content-type"), Some(media_type));
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("://"), "{policy}");
        let text = answer.text();
        assert!(!text.is_empty() && !text.contains("://"), "{path}");
        assert!(!text.contains("innerHTML"), "{path}");
    }
}
