//! What is known of vendors from asking them, and the times in which they may be away.

use fresnel::control::{Control, ControlError, NewIntegration, NewMaintenanceWindow, sha256};
use fresnel::domain::account::ProjectId;
use fresnel::domain::dashboard::Note;
use fresnel::domain::integration::{Integration, IntegrationDefinition, PollState, Slug};
use uuid::Uuid;

use super::place::{Place, on_both_stores};
use super::words::{by, id, name, page, project};

on_both_stores!(
    what_polls_know_reads_back_as_it_was_and_goes_with_its_integration,
    windows_are_found_by_the_time_that_they_touch_and_go_with_their_integration,
);

async fn integration(control: &Control, project_id: &ProjectId, text: &str) -> Integration {
    let new = NewIntegration {
        id: Uuid::now_v7(),
        slug: Slug::parse("slug", text).unwrap(),
        service: Slug::parse("service", "stripe").unwrap(),
        definition: IntegrationDefinition::named(name("Stripe")),
        sealed_secrets: vec![1],
        hook_sha256: sha256(&format!("{project_id:?}{text}")),
    };
    control.create_integration(&by(), project_id, new).await.unwrap()
}

async fn what_polls_know_reads_back_as_it_was_and_goes_with_its_integration(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let made = integration(&control, &id("shop"), "stripe").await;
    assert_eq!(control.poll_of(made.id).await, Ok(None));
    let mut state = PollState {
        last_at_ms: 1,
        next_at_ms: 2,
        interval_ms: 3,
        ..PollState::default()
    };
    control.note_poll(made.id, &state).await.unwrap();
    assert_eq!(control.poll_of(made.id).await, Ok(Some(state.clone())));
    state.failures = 7;
    state.etag = Some("\"x\"".into());
    state.last_modified = Some("Mon".into());
    state.content_sum = Some("00ff".into());
    state.changed_at_ms = Some(-5);
    state.error = Some("no answer".into());
    control.note_poll(made.id, &state).await.unwrap();
    assert_eq!(control.polls().await.unwrap()[&made.id], state);
    control
        .delete_integration(&by(), &id("shop"), made.id)
        .await
        .unwrap();
    assert_eq!(control.poll_of(made.id).await, Ok(None));
    // A poll that was under way meanwhile leaves nothing behind.
    control.note_poll(made.id, &state).await.unwrap();
    assert!(control.polls().await.unwrap().is_empty());
}

async fn windows_are_found_by_the_time_that_they_touch_and_go_with_their_integration(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let made = integration(&control, &id("shop"), "stripe").await;
    let window = |integration_id, starts_at_ms, ends_at_ms| NewMaintenanceWindow {
        integration_id,
        starts_at_ms,
        ends_at_ms,
        note: Some(Note::parse("note", "theirs").unwrap()),
    };
    let add = async |new| control.create_maintenance_window(&by(), &id("shop"), new).await;
    let of_one = add(window(Some(made.id), 100, 200)).await.unwrap();
    let of_all = add(window(None, 300, 400)).await.unwrap();
    let nobodys = add(window(Some(Uuid::now_v7()), 1, 2)).await;
    assert!(matches!(nobodys, Err(ControlError::Invalid(_))), "{nobodys:?}");
    let touching = async |from_ms, to_ms| {
        control
            .maintenance_between(Some(&id("shop")), from_ms, to_ms)
            .await
            .unwrap()
    };
    assert_eq!(touching(150, 301).await, [of_one.clone(), of_all.clone()]);
    assert_eq!(touching(200, 300).await, []);
    assert_eq!(
        control
            .maintenance_between(Some(&id("default")), 0, 1_000)
            .await
            .unwrap(),
        []
    );
    let gone = ControlError::NotFound("maintenance window");
    let elsewhere = control
        .delete_maintenance_window(&by(), &id("default"), of_all.id)
        .await;
    assert_eq!(elsewhere, Err(gone));
    control
        .delete_integration(&by(), &id("shop"), made.id)
        .await
        .unwrap();
    let left = control
        .maintenance_windows(&id("shop"), page(1, 10))
        .await
        .unwrap();
    assert_eq!(left.items, [of_all]);
}
