//! Two nodes on one Postgres and one ClickHouse: one of them evaluates, both deliver, and the one that is left goes on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::hook::{Hook, Mood};
use super::place::{Place, on_runtime};
use crate::harness::engine::Engine;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, Request, beacons};

const METRICS: &str = "/api/analytics/performance/metrics";
/// Any 32 bytes: nodes open each other's channels with it.
const VAULT_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Two nodes, and what they share.
struct Stage {
    nodes: Vec<Fresnel>,
    hook: Hook,
    place: Place,
    _engine: Engine,
}

impl Stage {
    async fn set(mood: Mood) -> Self {
        let (engine, hook, place) = (Engine::start(), Hook::start(mood), Place::postgres().await);
        let access = engine.access();
        let options = Options::new()
            .set("FRESNEL_CONTROL__URL", place.config.url.reveal())
            .set("FRESNEL_VAULT__KEY", VAULT_KEY)
            .set("FRESNEL_WAREHOUSE__URL", &access.url)
            .set("FRESNEL_WAREHOUSE__USER", &access.user)
            .set("FRESNEL_WAREHOUSE__PASSWORD", &access.password)
            .set("FRESNEL_ALERTS__WEBHOOK_URL", hook.url())
            .set("FRESNEL_ALERTS__PERIOD_MS", 1_000)
            .set("FRESNEL_OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8")
            .set("FRESNEL_FLUSH__MAX_WAIT_MS", 50);
        let nodes = (0..2).map(|_| Fresnel::start(options.clone())).collect();
        Self {
            nodes,
            hook,
            place,
            _engine: engine,
        }
    }

    /// Which of the nodes has a name that Postgres tells.
    async fn named(&self, what: &str, sql: &str) -> usize {
        let client = self.place.client().await;
        let names: Vec<String> = self.nodes.iter().map(name_of).collect();
        for _ in 0..600 {
            let rows = client.query(sql, &[]).await.expect("an answer");
            let found = rows.first().map(|row| row.get::<_, String>(0));
            if let Some(at) = found.and_then(|found| names.iter().position(|name| *name == found)) {
                return at;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{what}: none of {names:?}")
    }

    /// Which node evaluates.
    async fn leader(&self) -> usize {
        self.named("who evaluates", "SELECT holder FROM leases").await
    }

    /// Waits for a notice of an event of this endpoint.
    fn told(&self, event: &str, endpoint: &str) {
        wait::until(&format!("{event} of {endpoint}"), PATIENCE, || {
            let wanted = (event.to_owned(), endpoint.to_owned());
            let got = self.hook.got();
            got.iter()
                .any(|got| notices(&got.body).any(|notice| notice == wanted))
                .then_some(())
        });
    }
}

/// The name by which a node claims: that of its log.
fn name_of(node: &Fresnel) -> String {
    let health = node.get("/api/health").json();
    let name = health["data"]["node"].as_str();
    name.unwrap_or_else(|| panic!("a name: {health}")).to_owned()
}

/// What a message tells: events, and of which endpoints.
fn notices(body: &Value) -> impl Iterator<Item = (String, String)> {
    let notices = body["data"]["notices"].as_array().expect("notices");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    notices
        .iter()
        .map(move |notice| (text(&notice["event"]), text(&notice["labels"]["api_endpoint"])))
}

fn post_slow(node: &Fresnel, endpoint: &str) {
    let beacon = json!({
        "type": "api_response_time", "value": 6_000.0, "timestamp": beacons::iso(beacons::now()),
        "session_id": "session-1", "metadata": { "api_endpoint": endpoint, "status": 200 },
    });
    let answer = node.post(METRICS, beacon.to_string());
    assert_eq!(answer.status, 202, "{}", answer.text());
}

/// Deletes the default rule about single slow responses, so that what fires because of it ends.
fn delete_rule(node: &Fresnel) {
    let rules = node.get("/api/rules").expect_status(200).json();
    let rules = rules["data"]["items"].as_array().expect("rules").clone();
    let slow = rules.iter().find(|rule| rule["name"] == "Slow response");
    let id = slow.expect("the rule")["id"].as_str().expect("an id").to_owned();
    let request = Request::new("DELETE", &format!("/api/rules/{id}"))
        .header("authorization", format!("Bearer {ADMIN_TOKEN}"));
    node.send(&request).expect_status(200);
}

#[test]
fn one_node_evaluates_what_both_take_and_the_other_goes_on_when_it_is_killed() {
    on_runtime(async {
        let mut stage = Stage::set(Mood::Takes).await;
        let leader = stage.leader().await;
        let other = 1 - leader;
        // What the other one takes is found in the warehouse.
        post_slow(&stage.nodes[leader], "/taken-by-the-leader");
        post_slow(&stage.nodes[other], "/taken-by-the-other");
        for endpoint in ["/taken-by-the-leader", "/taken-by-the-other"] {
            stage.told("firing", endpoint);
        }
        stage.nodes[leader].kill_service();
        // Taken while nobody evaluates.
        post_slow(&stage.nodes[other], "/taken-in-between");
        stage.told("firing", "/taken-in-between");
        // What the killed one told as firing is told as resolved by the other.
        delete_rule(&stage.nodes[other]);
        for endpoint in ["/taken-by-the-leader", "/taken-by-the-other", "/taken-in-between"] {
            stage.told("resolved", endpoint);
        }
        let mut ids: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for got in stage.hook.got() {
            for notice in notices(&got.body) {
                ids.entry(notice).or_default().insert(got.id.clone());
            }
        }
        assert_eq!(ids.len(), 6, "{ids:?}");
        assert!(ids.values().all(|ids| ids.len() == 1), "{ids:?}");
    });
}

#[test]
fn what_a_killed_node_was_sending_is_sent_by_the_other_under_the_same_id() {
    on_runtime(async {
        let mut stage = Stage::set(Mood::Hangs).await;
        post_slow(&stage.nodes[0], "/slow");
        let first = wait::until("a message", PATIENCE, || stage.hook.got().into_iter().next());
        let holder = stage
            .named(
                "who sends",
                "SELECT holder FROM outbox WHERE state = 'waiting' AND lease_until_ms > 0",
            )
            .await;
        let before = stage.hook.got().len();
        stage.nodes[holder].kill_service();
        wait::until("the message once more", PATIENCE, || {
            let again = stage.hook.got().split_off(before);
            again.into_iter().any(|got| got.id == first.id).then_some(())
        });
    });
}
