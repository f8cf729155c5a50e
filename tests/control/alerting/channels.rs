//! Channels as they are kept.

use fresnel::control::{ControlError, DeliveryFilter, StoredChannel};
use fresnel::domain::alert::{ChannelKind, DeliveryState, NoticeEvent};

use super::words::{alert, channel, deliver, lease, notice, open};
use crate::control::place::{Place, on_both_stores};
use crate::control::words::{NOW_MS, by, id, name, page, project};

on_both_stores!(
    a_channel_reads_back_as_it_was_written_and_is_in_its_project_only,
    a_channel_changes_with_its_revision_and_is_on_again,
    a_channel_that_is_turned_off_or_deleted_leaves_nothing_waiting,
);

async fn a_channel_reads_back_as_it_was_written_and_is_in_its_project_only(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let made = channel(&control, &id("shop"), "Room").await;
    assert_eq!(
        (made.revision, made.sealed_target.as_slice()),
        (1, &[0, 1, 0xff][..])
    );
    let gone = ControlError::NotFound("channel");
    assert_eq!(control.channel(&id("default"), made.id).await, Err(gone.clone()));
    assert_eq!(
        control.delete_channel(&by(), &id("default"), made.id).await,
        Err(gone)
    );
    let page = control.channels(&id("shop"), page(1, 10)).await.unwrap();
    assert_eq!(page.items, std::slice::from_ref(&made));
    let book = control.alert_book().borrow().clone();
    assert_eq!(*book.channels[&id("shop")][0], made);
}

async fn a_channel_changes_with_its_revision_and_is_on_again(place: Place) {
    let control = place.open().await;
    let default = id("default");
    let made = channel(&control, &default, "Room").await;
    channel(&control, &default, "Taken").await;
    control.turn_channel_off(&default, made.id, "gone").await.unwrap();
    let off = control.channel(&default, made.id).await.unwrap();
    assert_eq!((off.disabled_reason.as_deref(), off.revision), (Some("gone"), 2));
    // Once more is nothing.
    control.turn_channel_off(&default, made.id, "gone").await.unwrap();
    let late = control.update_channel(&by(), made).await;
    assert_eq!(late, Err(ControlError::Conflict { field: "revision" }));
    let mut changed = StoredChannel {
        kind: ChannelKind::Webhook,
        sealed_target: vec![9],
        ..off
    };
    changed.definition.name = name("Other room");
    let now = control.rotate_channel(&by(), changed).await.unwrap();
    assert_eq!(
        (now.revision, now.disabled_reason.clone(), now.kind),
        (3, None, ChannelKind::Webhook)
    );
    // Under another key it is the same channel; what was changed meanwhile is left alone.
    control.reseal_channel(&now, vec![8]).await.unwrap();
    let resealed = control.channel(&default, now.id).await.unwrap();
    assert_eq!(resealed.sealed_target, [8]);
    assert_eq!(
        (resealed.revision, resealed.updated_at_ms),
        (now.revision, now.updated_at_ms)
    );
    let book = control.alert_book().borrow().clone();
    assert!(
        book.channels[&default]
            .iter()
            .any(|channel| **channel == resealed)
    );
    let stale = StoredChannel {
        revision: 1,
        ..resealed
    };
    control.reseal_channel(&stale, vec![7]).await.unwrap();
    assert_eq!(
        control.channel(&default, now.id).await.unwrap().sealed_target,
        [8]
    );
    let mut taken = now;
    taken.definition.name = name("Taken");
    let taken = control.update_channel(&by(), taken).await;
    assert_eq!(taken, Err(ControlError::Conflict { field: "name" }));
    let audit = control
        .audit(&fresnel::control::AuditFilter::default(), page(1, 10))
        .await
        .unwrap();
    let actions: Vec<_> = audit.items.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions[..3],
        ["channel.reseal", "channel.rotate", "channel.turn_off"]
    );
}

async fn a_channel_that_is_turned_off_or_deleted_leaves_nothing_waiting(place: Place) {
    let control = place.open().await;
    let default = id("default");
    let lease = lease(&control).await;
    let (off, deleted) = (
        channel(&control, &default, "off").await,
        channel(&control, &default, "deleted").await,
    );
    let alert = alert(NOW_MS);
    let notices = [off.id, deleted.id].map(|to| deliver(to, notice(&alert, NoticeEvent::Firing, NOW_MS)).1);
    let mut writes = vec![open(&alert)];
    writes.extend(notices);
    control.record(&lease, writes).await.unwrap();
    control
        .turn_channel_off(&default, off.id, "it answered 410")
        .await
        .unwrap();
    control.delete_channel(&by(), &default, deleted.id).await.unwrap();
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Dead),
        ..DeliveryFilter::default()
    };
    let dead = control.deliveries(&default, filter, page(1, 10)).await.unwrap();
    let errors: Vec<_> = dead
        .items
        .iter()
        .filter_map(|one| one.last_error.as_deref())
        .collect();
    assert_eq!(errors, ["the channel was deleted", "it answered 410"]);
    // What has nowhere to go stays dead.
    let replayed = control.replay_dead(&by(), &default, None, NOW_MS).await.unwrap();
    assert_eq!(replayed, 1);
    let again = control
        .replay_delivery(&by(), &default, dead.items[0].id, NOW_MS)
        .await;
    assert_eq!(again, Err(ControlError::Conflict { field: "channel_id" }));
}
