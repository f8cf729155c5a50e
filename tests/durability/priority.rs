//! Client alerts do not wait for the batch.

use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use crate::harness::beacons::Kind;
use crate::harness::process::say;
use crate::harness::wait;
use crate::harness::{Fresnel, Options};

/// The longest wait that the settings allow.
const BATCH_WAIT: Duration = Duration::from_secs(60);

#[test]
fn client_alerts_overtake_the_batch_and_take_along_what_came_before() {
    let server = Fresnel::start(Options::new().set("FRESNEL_FLUSH__MAX_WAIT_MS", BATCH_WAIT.as_millis()));
    let metric = post(&server, Kind::Metric);
    let start = Instant::now();
    let alert = post(&server, Kind::Alert);
    let warehouse = server.warehouse();
    // Half of the batch's wait is the bound that shows the lane; what is usual is printed.
    wait::until("the alert in ClickHouse", BATCH_WAIT / 2, || {
        (warehouse.count(Kind::Alert.table(), &alert) == 1).then_some(())
    });
    say(&format!(
        "    a client alert was in ClickHouse after {:.2?}",
        start.elapsed()
    ));
    // The metric is older and in the same segment, whose tables are inserted side by side.
    wait::until("the metric in ClickHouse", BATCH_WAIT / 2, || {
        (warehouse.count(Kind::Metric.table(), &metric) == 1).then_some(())
    });
    assert!(
        start.elapsed() < BATCH_WAIT,
        "the metric came with the alert, not with its own batch"
    );
}

fn post(server: &Fresnel, kind: Kind) -> String {
    let id = Uuid::new_v4().to_string();
    let mut beacon = kind.sample();
    beacon["event_id"] = json!(id);
    server.post(kind.path(), beacon.to_string()).expect_status(202);
    id
}
