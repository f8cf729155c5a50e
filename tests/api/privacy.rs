//! What of a beacon's texts is stored: no secrets, and names of groups instead of paths with ids.

use serde_json::json;
use uuid::Uuid;

use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::INGEST_KEY;
use crate::harness::{Fresnel, Options};

#[test]
fn secrets_never_reach_the_log_or_the_tables_and_pages_are_grouped() {
    let server = Fresnel::start(Options::new());
    let id = Uuid::new_v4().to_string();
    let mut beacon = Kind::Metric.sample();
    beacon["event_id"] = json!(id);
    beacon["metadata"] = json!({
        "page": "https://shop.example/user/123/orders/0190163d-8694-739b-aea5-966c26f8ad91?token=s3cr3t-one#top",
        "api_endpoint": "/api/users/ada@example.org/reset?code=s3cr3t-two",
        "error_context": "refused for eve@example.org with Bearer s3cr3t-three-0123456789",
        "referrer": "https://other.example/?password=s3cr3t-four&ok=1",
    });
    server
        .post(Kind::Metric.path(), beacon.to_string())
        .expect_status(202);
    let row = server.warehouse().row("performance_metrics", &id);
    assert_eq!(row["page"], "/user/:id/orders/:id");
    assert_eq!(row["api_endpoint"], "/api/users/:id/reset");
    let text = row.to_string();
    for secret in ["s3cr3t", "ada@example.org", "eve@example.org"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(text.contains("ok=1"), "{text}");
    for file in std::fs::read_dir(server.data_dir().join("wal")).expect("the log") {
        let bytes = std::fs::read(file.expect("a file").path()).unwrap_or_default();
        let holds = bytes.windows(6).any(|window| window == b"s3cr3t");
        assert!(!holds, "a secret stands in the log");
    }
}

#[test]
fn above_the_limit_of_names_the_rest_is_one_name() {
    let server = Fresnel::start(
        Options::new()
            .set("FRESNEL_GROUPING__NAMES_MAX", 5)
            .set("FRESNEL_SERVER__WORKERS", 2),
    );
    let ids: Vec<String> = (0..40)
        .map(|number| {
            let id = Uuid::new_v4().to_string();
            let mut beacon = Kind::Metric.sample();
            beacon["event_id"] = json!(id);
            beacon["metadata"] =
                json!({"page": format!("/page-{}", ["a", "b", "c", "d", "e", "f", "g", "h"][number % 8])});
            server
                .post(Kind::Metric.path(), beacon.to_string())
                .expect_status(202);
            id
        })
        .collect();
    let warehouse = server.warehouse();
    for id in &ids {
        warehouse.row("performance_metrics", id);
    }
    let names = warehouse.number("SELECT uniqExact(page) AS n FROM performance_metrics");
    assert_eq!(names, 6);
    let others = warehouse.number("SELECT count() AS n FROM performance_metrics WHERE page = '__other__'");
    assert_eq!(others, 15);
}

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

fn post_as(server: &Fresnel, user_agent: &str, privacy: bool) -> serde_json::Value {
    let id = Uuid::new_v4().to_string();
    let mut beacon = Kind::Event.sample();
    beacon["event_id"] = json!(id);
    let mut request = Request::post(Kind::Event.path(), beacon.to_string())
        .header("x-api-key", INGEST_KEY)
        .header("user-agent", user_agent);
    if privacy {
        request = request.header("sec-gpc", "1");
    }
    server.send(&request).expect_status(202);
    server.warehouse().row("user_events", &id)
}

#[test]
fn a_visitor_is_the_same_all_day_another_one_is_another_and_who_asks_for_privacy_is_nobody() {
    let server = Fresnel::start(Options::new());
    let first = post_as(&server, IPHONE, false);
    assert_eq!(first["device"], "mobile");
    assert_ne!(first["visitor_id"], json!(0));
    assert_ne!(first["visitor_id"], json!("0"));
    assert_eq!(post_as(&server, IPHONE, false)["visitor_id"], first["visitor_id"]);
    assert_ne!(
        post_as(&server, "another browser", false)["visitor_id"],
        first["visitor_id"]
    );
    let hidden = post_as(&server, IPHONE, true);
    assert!(
        hidden["visitor_id"] == json!(0) || hidden["visitor_id"] == json!("0"),
        "{hidden}"
    );
    assert_eq!(hidden["device"], "mobile");
    assert!(!first.to_string().contains("127.0.0.1"), "{first}");
}

#[test]
fn a_robots_beacons_are_acknowledged_counted_and_not_stored() {
    let server = Fresnel::start(Options::new());
    for _ in 0..3 {
        let request = Request::post(Kind::Event.path(), Kind::Event.sample().to_string())
            .header("x-api-key", INGEST_KEY)
            .header("user-agent", GOOGLEBOT);
        server.send(&request).expect_status(202);
    }
    let batch = json!({"items": [{"kind": "funnel", "step": "effect_viewed", "session_id": "s"}]});
    let request = Request::post("/api/analytics/batch", batch.to_string())
        .header("x-api-key", INGEST_KEY)
        .header("user-agent", GOOGLEBOT);
    let answer = server.send(&request).expect_status(202).json();
    assert_eq!(answer["data"], json!({"accepted": 1, "rejected": []}));
    post_as(&server, IPHONE, false);
    let warehouse = server.warehouse();
    assert_eq!(warehouse.number("SELECT count() AS n FROM user_events"), 1);
    assert_eq!(warehouse.number("SELECT count() AS n FROM funnel_steps"), 0);
    let page = server.get("/metrics").text();
    assert!(
        page.contains("fresnel_beacons_of_robots_total{kind=\"event\"} 3"),
        "{page}"
    );
}
