//! What of a beacon's texts is stored: no secrets, and names of groups instead of paths with ids.

use serde_json::json;
use uuid::Uuid;

use crate::harness::beacons::Kind;
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
