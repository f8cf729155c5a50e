//! The directory keeps up with the store, and outlives it.

use std::time::{Duration, Instant};

use fresnel::control::Control;
use fresnel::domain::account::KeyKind;

use super::place::{Place, on_both_stores};
use super::words::{by, id, new_key, project};

on_both_stores!(
    a_change_by_another_node_is_seen,
    without_the_store_the_last_picture_stays,
);

/// Waits until the directory shows something.
async fn shows(control: &Control, what: impl Fn(&Control) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !what(control) {
        assert!(Instant::now() < deadline, "it never showed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn a_change_by_another_node_is_seen(place: Place) {
    let (here, there) = (place.open().await, place.open().await);
    let (key, _) = there
        .create_key(&by(), new_key("default", KeyKind::Browser))
        .await
        .unwrap();
    let has_key = |control: &Control| control.directory().key_by_sha256(&key.sha256).is_some();
    shows(&here, has_key).await;
    there.revoke_key(&by(), &id("default"), key.id).await.unwrap();
    shows(&here, |control| !has_key(control)).await;
}

async fn without_the_store_the_last_picture_stays(place: Place) {
    let control = place.open().await;
    let (key, _) = control
        .create_key(&by(), new_key("default", KeyKind::Browser))
        .await
        .unwrap();
    place
        .execute("ALTER TABLE control_state RENAME TO elsewhere")
        .await;
    assert!(control.refresh().await.is_err());
    let picture = control.directory();
    assert!(picture.key_by_sha256(&key.sha256).is_some());
    assert!(control.create_project(&by(), project("shop")).await.is_err());
    place
        .execute("ALTER TABLE elsewhere RENAME TO control_state")
        .await;
    control.create_project(&by(), project("shop")).await.unwrap();
    shows(&control, |control| control.directory().project("shop").is_some()).await;
}
