//! The directory keeps up with the store, and outlives it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fresnel::control::Control;
use fresnel::domain::account::KeyKind;

use super::place::{Place, on_both_stores};
use super::words::{by, id, new_key, project};

on_both_stores!(
    a_change_by_another_node_is_seen,
    without_the_store_the_last_picture_stays,
    who_hears_of_a_new_book_finds_the_directory_that_belongs_to_it,
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

async fn who_hears_of_a_new_book_finds_the_directory_that_belongs_to_it(place: Place) {
    let control = place.open().await;
    let (mut book, looked) = (control.alert_book(), control.clone());
    let is_over = Arc::new(AtomicBool::new(false));
    let of_thread = Arc::clone(&is_over);
    // Looks all the time: between the two there is a moment only.
    let looking = std::thread::spawn(move || {
        let mut heard = 0;
        while !of_thread.load(Ordering::SeqCst) {
            if book.has_changed().unwrap() {
                let revision = book.borrow_and_update().revision;
                assert!(
                    looked.directory().revision() >= revision,
                    "the directory is an older one"
                );
                heard += 1;
            }
        }
        heard
    });
    for n in 0..40 {
        control
            .create_project(&by(), project(&format!("shop-{n}")))
            .await
            .unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
    assert!(looking.join().unwrap() > 0);
}
