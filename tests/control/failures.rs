//! What happens when the database does not do as it should.

use std::time::{Duration, Instant};

use fresnel::control::{Control, ControlError};
use fresnel::domain::account::KeyKind;

use super::place::{Place, on_both_stores, on_runtime};
use super::words::{by, id, new_key, page, project};

on_both_stores!(
    a_change_waits_for_others_and_is_busy_in_the_end,
    what_no_version_has_written_is_damage
);

/// Longer than any wait of these tests.
const DEADLINE: Duration = Duration::from_secs(60);

async fn a_change_waits_for_others_and_is_busy_in_the_end(mut place: Place) {
    place.config.pool_wait_ms = 300;
    let control = place.open().await;
    let began = Instant::now();
    let held = async || {
        let outcome = control.create_project(&by(), project("shop")).await;
        assert_eq!(outcome, Err(ControlError::Busy));
        assert!(began.elapsed() >= Duration::from_millis(250), "it waited");
        assert!(began.elapsed() < DEADLINE);
        // Who only reads does not wait.
        assert_eq!(control.projects(None, page(1, 50)).await.unwrap().total, 1);
    };
    let change = "UPDATE control_state SET revision = revision";
    if place.is_postgres() {
        let other = place.client().await;
        other.batch_execute("BEGIN").await.unwrap();
        other.batch_execute(change).await.unwrap();
        held().await;
        other.batch_execute("COMMIT").await.unwrap();
    } else {
        let other = place.sqlite_file();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other.execute_batch(change).unwrap();
        held().await;
        other.execute_batch("COMMIT").unwrap();
    }
    control.create_project(&by(), project("shop")).await.unwrap();
}

async fn what_no_version_has_written_is_damage(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let picture = control.directory();
    for (column, text) in [
        ("settings", "{"),
        ("time_zone", "Europe/Atlantis"),
        ("allowed_origins", "[\"nonsense\"]"),
    ] {
        place
            .execute(&format!(
                "UPDATE projects SET {column} = '{text}' WHERE id = 'shop'"
            ))
            .await;
        let found = control.project(&id("shop")).await;
        assert!(
            matches!(found, Err(ControlError::Corrupt(_))),
            "{column}: {found:?}"
        );
        place
            .execute("UPDATE control_state SET revision = revision + 1")
            .await;
        assert!(control.refresh().await.is_err());
        assert_eq!(control.directory().revision(), picture.revision());
        let good = match column {
            "settings" => "{}",
            "time_zone" => "UTC",
            _ => "[]",
        };
        place
            .execute(&format!(
                "UPDATE projects SET {column} = '{good}' WHERE id = 'shop'"
            ))
            .await;
    }
    control.refresh().await.unwrap();
    assert!(control.directory().revision() > picture.revision());
}

#[test]
fn with_all_connections_in_use_one_waits_and_is_busy_in_the_end() {
    on_runtime(async {
        let mut place = Place::postgres().await;
        place.config.pool_max = 2;
        place.config.pool_wait_ms = 1_000;
        let control = place.open().await;
        let other = place.client().await;
        other.batch_execute("BEGIN; LOCK TABLE users").await.unwrap();
        // Each of these holds a connection, and waits for the table as long as it may.
        let stuck = [spawn_users(&control), spawn_users(&control)];
        waits_for_locks(&place, 2).await;
        let began = Instant::now();
        let more = futures_util::future::join_all((0..20).map(|_| control.users(page(1, 1)))).await;
        assert!(
            more.iter()
                .all(|outcome| matches!(outcome, Err(ControlError::Busy)))
        );
        assert!(began.elapsed() >= Duration::from_millis(900), "they waited");
        assert!(began.elapsed() < DEADLINE);
        for one in stuck {
            assert!(matches!(one.await.unwrap(), Err(ControlError::Busy)));
        }
        other.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(control.users(page(1, 50)).await.unwrap().total, 0);
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND application_name = 'fresnel'";
        assert!(place.number(open).await <= 2, "the pool has its limit");
    });
}

type Outcome = Result<(), ControlError>;

fn spawn_users(control: &Control) -> tokio::sync::oneshot::Receiver<Outcome> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let control = control.clone();
    fresnel::task::spawn("a reader", async move {
        let _ = sender.send(control.users(page(1, 1)).await.map(|_| ()));
    });
    receiver
}

fn spawn_create(control: &Control, name: &'static str) -> tokio::sync::oneshot::Receiver<Outcome> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let control = control.clone();
    fresnel::task::spawn("a writer", async move {
        let _ = sender.send(control.create_project(&by(), project(name)).await.map(|_| ()));
    });
    receiver
}

/// Until so many of Fresnel's connections wait for a lock.
async fn waits_for_locks(place: &Place, count: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND application_name = 'fresnel' AND wait_event_type = 'Lock'";
    let deadline = Instant::now() + DEADLINE;
    while place.number(waiting).await < count {
        assert!(Instant::now() < deadline, "nobody waits");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn a_connection_that_is_lost_in_the_middle_leaves_nothing_half() {
    on_runtime(async {
        let place = Place::postgres().await;
        let control = place.open().await;
        let revision = control.directory().revision();
        let other = place.client().await;
        // The change has raised the revision and written its project when it comes to its audit entry.
        other
            .batch_execute("BEGIN; LOCK TABLE audit IN EXCLUSIVE MODE")
            .await
            .unwrap();
        let change = spawn_create(&control, "shop");
        waits_for_locks(&place, 1).await;
        place
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                 AND application_name = 'fresnel' AND wait_event_type = 'Lock'",
            )
            .await;
        let outcome = change.await.unwrap();
        assert!(
            matches!(outcome, Err(ControlError::Unavailable(_))),
            "{outcome:?}"
        );
        other.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(
            control.project(&id("shop")).await,
            Err(ControlError::NotFound("project"))
        );
        assert_eq!(place.number("SELECT revision FROM control_state").await, revision);
        control.create_project(&by(), project("shop")).await.unwrap();
    });
}

#[test]
fn when_all_connections_are_lost_new_ones_are_made() {
    on_runtime(async {
        let place = Place::postgres().await;
        let control = place.open().await;
        for round in 0..3 {
            let all = (0..10).map(|_| control.projects(None, page(1, 50)));
            futures_util::future::join_all(all).await;
            place
                .execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                     AND application_name = 'fresnel'",
                )
                .await;
            control
                .create_key(&by(), new_key("default", KeyKind::Browser))
                .await
                .unwrap();
            assert_eq!(
                control.keys(&id("default"), page(1, 50)).await.unwrap().total,
                round + 1
            );
        }
    });
}

#[test]
fn a_caller_who_goes_away_leaves_no_transaction_open() {
    on_runtime(async {
        let mut place = Place::postgres().await;
        place.config.pool_max = 1;
        let control = place.open().await;
        for _ in 0..20 {
            let by = by();
            let change = control.create_project(&by, project("shop"));
            let _ = tokio::time::timeout(Duration::from_micros(300), change).await;
        }
        let _ = control.create_project(&by(), project("shop")).await;
        assert!(control.project(&id("shop")).await.is_ok());
        assert_eq!(
            place
                .number("SELECT count(*) FROM audit WHERE target = 'shop'")
                .await,
            1
        );
    });
}
