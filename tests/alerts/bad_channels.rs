//! Channels that hang, fail, or never end their answers, beside one that is well.

use std::collections::BTreeSet;

use serde_json::json;

use super::hook::{Hook, Mood};
use super::told::{METRICS, call, post, server_telling};
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Request};

const ALERTS: usize = 30;

fn make_channel(server: &Fresnel, name: &str, hook: &Hook) {
    let body = json!({ "name": name, "target": { "kind": "webhook", "url": hook.url() } });
    let request = Request::post("/api/channels", body.to_string())
        .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
        .header("content-type", "application/json");
    let answer = server.send(&request);
    assert_eq!(answer.status, 201, "{}", answer.text());
}

#[test]
fn a_channel_is_told_everything_while_others_hang_fail_and_never_end() {
    let well = Hook::start(Mood::Takes);
    let bad = [Mood::Hangs, Mood::Fails, Mood::NeverEnds].map(Hook::start);
    let server = Fresnel::start(server_telling(&well));
    for (hook, name) in bad.iter().zip(["hangs", "fails", "never ends"]) {
        make_channel(&server, name, hook);
    }
    for number in 0..ALERTS {
        post(&server, METRICS, &call(&format!("/call{number}x"), 6_000.0, 200));
    }
    let all: BTreeSet<String> = (0..ALERTS).map(|number| format!("/call{number}x")).collect();
    wait::until("all alerts", PATIENCE, || {
        let told = well.got().into_iter().map(|got| got.event().1);
        (told.collect::<BTreeSet<_>>().is_superset(&all)).then_some(())
    });
    for hook in &bad {
        wait::until("a try", PATIENCE, || hook.got().into_iter().next());
    }
    let log = server.get("/api/deliveries?state=waiting&page_size=100").json();
    let errors = log["data"]["items"].as_array().expect("items").iter();
    let errors: BTreeSet<&str> = errors.filter_map(|item| item["last_error"].as_str()).collect();
    assert!(errors.iter().any(|error| error.contains("500")), "{errors:?}");
}
