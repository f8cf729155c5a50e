//! The outbox: notices on their way.

use std::collections::HashSet;

use fresnel::control::{AlertWrite, Control, ControlError, DeliveryFilter, Settled};
use fresnel::domain::alert::{Alert, Attempt, AttemptOutcome, Delivery, DeliveryState, NoticeEvent};
use uuid::Uuid;

use super::words::{alert, channel, deliver, lease, notice, open};
use crate::control::place::{Place, on_both_stores};
use crate::control::words::{NOW_MS, by, id, page, project};

on_both_stores!(
    of_one_alert_and_channel_the_next_notice_waits_for_the_one_before,
    no_channel_takes_all_places_and_busy_ones_take_none,
    what_was_tried_together_comes_together,
    what_comes_within_the_wait_of_another_is_due_with_it,
    what_is_under_way_is_not_claimed_again_by_a_claim_of_the_same_time,
    a_claim_is_one_holders_until_it_ends,
    what_has_become_of_a_message_is_in_the_log,
    what_is_replayed_waits_again_and_keeps_its_message,
    what_is_settled_long_ago_is_forgotten_and_what_waits_is_not,
);

const LATER_MS: i64 = NOW_MS + 300_000;

async fn claim(control: &Control, holder: &str, now_ms: i64, limit: u32) -> Vec<Delivery> {
    let none = HashSet::new();
    let claimed = control
        .claim_deliveries(holder, now_ms, now_ms + 300_000, &none, limit)
        .await;
    claimed.unwrap()
}

fn ids(deliveries: &[Delivery]) -> Vec<Uuid> {
    deliveries.iter().map(|one| one.id).collect()
}

/// An open alert with notices to a channel, each due at its time; gives their ids.
async fn queued(control: &Control, channel_id: Uuid, times_ms: &[i64]) -> (Alert, Vec<Uuid>) {
    let lease = lease(control).await;
    let alert = alert(NOW_MS);
    let notices = times_ms
        .iter()
        .map(|at_ms| deliver(channel_id, notice(&alert, NoticeEvent::Firing, *at_ms)));
    let (ids, notices): (Vec<_>, Vec<_>) = notices.unzip();
    let mut writes = vec![open(&alert)];
    writes.extend(notices);
    control.record(&lease, writes).await.unwrap();
    (alert, ids)
}

fn settled(message_id: Uuid, state: DeliveryState, next_at_ms: i64) -> Settled {
    Settled {
        message_id,
        state,
        next_at_ms,
        last_error: (state != DeliveryState::Delivered).then(|| "it answered 500".to_owned()),
        attempt: None,
        now_ms: NOW_MS,
    }
}

async fn of_one_alert_and_channel_the_next_notice_waits_for_the_one_before(place: Place) {
    let control = place.open().await;
    let to = channel(&control, &id("default"), "Room").await;
    let (_, notices) = queued(&control, to.id, &[NOW_MS, NOW_MS]).await;
    let (_, other) = queued(&control, to.id, &[NOW_MS]).await;
    let claimed = claim(&control, "a", NOW_MS, 10).await;
    assert_eq!(ids(&claimed), [notices[0], other[0]]);
    let message_id = Uuid::now_v7();
    control
        .put_into_messages(&[(message_id, vec![notices[0]])])
        .await
        .unwrap();
    // It failed, and is tried later: the next one still waits.
    control
        .settle_delivery(settled(message_id, DeliveryState::Waiting, LATER_MS))
        .await
        .unwrap();
    assert_eq!(claim(&control, "a", NOW_MS + 1, 10).await, []);
    let again = claim(&control, "a", LATER_MS, 10).await;
    assert_eq!(ids(&again), [notices[0], other[0]]);
    control
        .settle_delivery(settled(message_id, DeliveryState::Delivered, LATER_MS))
        .await
        .unwrap();
    assert_eq!(ids(&claim(&control, "a", LATER_MS + 1, 1).await), [notices[1]]);
}

async fn no_channel_takes_all_places_and_busy_ones_take_none(place: Place) {
    let control = place.open().await;
    let default = id("default");
    let (loud, quiet) = (
        channel(&control, &default, "loud").await,
        channel(&control, &default, "quiet").await,
    );
    let lease = lease(&control).await;
    let mut writes = Vec::new();
    for _ in 0..70 {
        let alert = alert(NOW_MS);
        writes.push(open(&alert));
        writes.push(deliver(loud.id, notice(&alert, NoticeEvent::Firing, NOW_MS)).1);
    }
    control.record(&lease, writes).await.unwrap();
    let (_, late) = queued(&control, quiet.id, &[NOW_MS + 5]).await;
    let busy = HashSet::from([loud.id]);
    let claimed = control
        .claim_deliveries("a", NOW_MS + 5, LATER_MS, &busy, 100)
        .await
        .unwrap();
    assert_eq!(ids(&claimed), late);
    let claimed = claim(&control, "b", NOW_MS + 5, 100).await;
    assert_eq!(claimed.len(), 64);
    assert!(claimed.iter().all(|one| one.channel_id == loud.id));
    assert_eq!(claim(&control, "c", NOW_MS + 5, 4).await.len(), 4);
}

async fn what_was_tried_together_comes_together(place: Place) {
    let control = place.open().await;
    let to = channel(&control, &id("default"), "Room").await;
    let (_, notices) = queued(&control, to.id, &[NOW_MS]).await;
    let (_, others) = queued(&control, to.id, &[NOW_MS]).await;
    let both = vec![notices[0], others[0]];
    assert_eq!(ids(&claim(&control, "a", NOW_MS, 10).await), both);
    let message_id = Uuid::now_v7();
    control
        .put_into_messages(&[(message_id, both.clone())])
        .await
        .unwrap();
    control
        .settle_delivery(settled(message_id, DeliveryState::Waiting, LATER_MS))
        .await
        .unwrap();
    // Only one is asked for, and the whole message comes.
    let again = claim(&control, "b", LATER_MS, 1).await;
    assert_eq!(ids(&again), both);
    assert!(again.iter().all(|one| one.message_id == Some(message_id)));
    // What has a message keeps it.
    control
        .put_into_messages(&[(Uuid::now_v7(), both)])
        .await
        .unwrap();
    let (kept, _) = control.delivery(&id("default"), notices[0]).await.unwrap();
    assert_eq!(kept.message_id, Some(message_id));
}

async fn what_comes_within_the_wait_of_another_is_due_with_it(place: Place) {
    let control = place.open().await;
    let default = id("default");
    let (room, other) = (
        channel(&control, &default, "Room").await,
        channel(&control, &default, "Other").await,
    );
    let lease = lease(&control).await;
    let mut notices = Vec::new();
    for (to, at_ms) in [
        (room.id, NOW_MS),
        (room.id, NOW_MS + 4_000),
        (room.id, NOW_MS + 9_999),
        // The first one is due by now.
        (room.id, NOW_MS + 10_000),
        (other.id, NOW_MS + 4_000),
    ] {
        let alert = alert(at_ms);
        let (id, mut write) = deliver(to, notice(&alert, NoticeEvent::Firing, at_ms));
        if let AlertWrite::Deliver { next_at_ms, .. } = &mut write {
            *next_at_ms += 10_000;
        }
        control.record(&lease, vec![open(&alert), write]).await.unwrap();
        notices.push(id);
    }
    assert_eq!(claim(&control, "a", NOW_MS + 9_999, 10).await, []);
    assert_eq!(
        ids(&claim(&control, "a", NOW_MS + 10_000, 10).await),
        notices[..3]
    );
    assert_eq!(
        ids(&claim(&control, "a", NOW_MS + 14_000, 10).await),
        notices[4..]
    );
    assert_eq!(
        ids(&claim(&control, "a", NOW_MS + 20_000, 10).await),
        notices[3..4]
    );
}

async fn what_is_under_way_is_not_claimed_again_by_a_claim_of_the_same_time(place: Place) {
    let control = place.open().await;
    let to = channel(&control, &id("default"), "Room").await;
    let (_, first) = queued(&control, to.id, &[NOW_MS]).await;
    assert_eq!(ids(&claim(&control, "a", NOW_MS, 10).await), first);
    let (_, second) = queued(&control, to.id, &[NOW_MS]).await;
    assert_eq!(ids(&claim(&control, "a", NOW_MS, 10).await), second);
}

async fn a_claim_is_one_holders_until_it_ends(place: Place) {
    let (one, two) = (place.open().await, place.open().await);
    let to = channel(&one, &id("default"), "Room").await;
    let (_, notices) = queued(&one, to.id, &[NOW_MS]).await;
    assert_eq!(claim(&one, "a", NOW_MS - 1, 10).await, []);
    assert_eq!(ids(&claim(&one, "a", NOW_MS, 10).await), notices);
    assert_eq!(claim(&two, "b", LATER_MS - 1, 10).await, []);
    // Renewed by its holder, it lasts longer; one that has ended is not renewed, nor another's.
    one.renew_deliveries("b", NOW_MS, LATER_MS + 9).await.unwrap();
    one.renew_deliveries("a", LATER_MS - 1, LATER_MS + 5)
        .await
        .unwrap();
    assert_eq!(claim(&two, "b", LATER_MS + 4, 10).await, []);
    one.renew_deliveries("a", LATER_MS + 5, LATER_MS + 9)
        .await
        .unwrap();
    let again = claim(&two, "b", LATER_MS + 5, 10).await;
    assert_eq!(ids(&again), notices);
    two.release_deliveries("b").await.unwrap();
    assert_eq!(ids(&claim(&two, "b", LATER_MS, 10).await), notices);
    // The one that came back ends its own claims only.
    one.release_deliveries("a").await.unwrap();
    assert_eq!(claim(&one, "a", LATER_MS + 1, 10).await, []);
    two.release_deliveries("b").await.unwrap();
    assert_eq!(ids(&claim(&one, "a", LATER_MS + 1, 10).await), notices);
    one.put_back(&notices, LATER_MS + 60_000).await.unwrap();
    assert_eq!(claim(&two, "b", LATER_MS + 59_999, 10).await, []);
    assert_eq!(ids(&claim(&two, "b", LATER_MS + 60_000, 10).await), notices);
}

fn attempt(message_id: Uuid, channel_id: Uuid, number: u32) -> Attempt {
    Attempt {
        id: Uuid::now_v7(),
        message_id,
        project_id: id("default"),
        channel_id,
        number,
        at_ms: NOW_MS,
        took_ms: 12,
        outcome: AttemptOutcome::Retried,
        request_line: "POST https://hooks.example/…".to_owned(),
        request_headers: "webhook-id: 1\n".to_owned(),
        request_body: "{}".to_owned(),
        status: Some(500),
        response_headers: String::new(),
        response_body: "größer".to_owned(),
        error: None,
    }
}

async fn what_has_become_of_a_message_is_in_the_log(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let to = channel(&control, &id("default"), "Room").await;
    let (alert, notices) = queued(&control, to.id, &[NOW_MS]).await;
    claim(&control, "a", NOW_MS, 10).await;
    let message_id = Uuid::now_v7();
    control
        .put_into_messages(&[(message_id, notices.clone())])
        .await
        .unwrap();
    let tries = [attempt(message_id, to.id, 1), attempt(message_id, to.id, 2)];
    for (one, state) in tries.iter().zip([DeliveryState::Waiting, DeliveryState::Dead]) {
        let settled = Settled {
            attempt: Some(one.clone()),
            ..settled(message_id, state, LATER_MS)
        };
        control.settle_delivery(settled).await.unwrap();
    }
    let (delivery, log) = control.delivery(&id("default"), notices[0]).await.unwrap();
    assert_eq!(log, tries);
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Dead, 2));
    assert_eq!(delivery.last_error.as_deref(), Some("it answered 500"));
    assert_eq!(delivery.notice, notice(&alert, NoticeEvent::Firing, NOW_MS));
    let foreign = control.delivery(&id("shop"), notices[0]).await;
    assert_eq!(foreign, Err(ControlError::NotFound("delivery")));
    for (filter, total) in [
        (DeliveryFilter::default(), 1),
        (
            DeliveryFilter {
                state: Some(DeliveryState::Waiting),
                ..Default::default()
            },
            0,
        ),
        (
            DeliveryFilter {
                channel_id: Some(to.id),
                alert_id: Some(alert.id),
                ..Default::default()
            },
            1,
        ),
        (
            DeliveryFilter {
                channel_id: Some(Uuid::nil()),
                ..Default::default()
            },
            0,
        ),
        (
            DeliveryFilter {
                alert_id: Some(Uuid::nil()),
                ..Default::default()
            },
            0,
        ),
    ] {
        let found = control
            .deliveries(&id("default"), filter, page(1, 10))
            .await
            .unwrap();
        assert_eq!(found.total, total, "{filter:?}");
        assert_eq!(
            control
                .deliveries(&id("shop"), filter, page(1, 10))
                .await
                .unwrap()
                .total,
            0
        );
    }
}

async fn what_is_replayed_waits_again_and_keeps_its_message(place: Place) {
    let control = place.open().await;
    let to = channel(&control, &id("default"), "Room").await;
    let (_, notices) = queued(&control, to.id, &[NOW_MS]).await;
    claim(&control, "a", NOW_MS, 10).await;
    let message_id = Uuid::now_v7();
    control
        .put_into_messages(&[(message_id, notices.clone())])
        .await
        .unwrap();
    control
        .settle_delivery(settled(message_id, DeliveryState::Dead, NOW_MS))
        .await
        .unwrap();
    assert_eq!(claim(&control, "a", LATER_MS, 10).await, []);
    let default = id("default");
    assert_eq!(
        control
            .replay_dead(&by(), &default, Some(Uuid::nil()), LATER_MS)
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        control
            .replay_dead(&by(), &default, Some(to.id), LATER_MS)
            .await
            .unwrap(),
        1
    );
    let claimed = claim(&control, "a", LATER_MS, 10).await;
    assert_eq!(
        (claimed[0].message_id, claimed[0].attempts),
        (Some(message_id), 0)
    );
    // Also what was delivered.
    control
        .settle_delivery(settled(message_id, DeliveryState::Delivered, LATER_MS))
        .await
        .unwrap();
    control
        .replay_delivery(&by(), &default, notices[0], LATER_MS)
        .await
        .unwrap();
    assert_eq!(ids(&claim(&control, "a", LATER_MS, 10).await), notices);
    let unknown = control
        .replay_delivery(&by(), &default, Uuid::nil(), LATER_MS)
        .await;
    assert_eq!(unknown, Err(ControlError::NotFound("delivery")));
}

async fn what_is_settled_long_ago_is_forgotten_and_what_waits_is_not(place: Place) {
    let control = place.open().await;
    let to = channel(&control, &id("default"), "Room").await;
    let (_, sent) = queued(&control, to.id, &[NOW_MS]).await;
    claim(&control, "a", NOW_MS, 10).await;
    let message_id = Uuid::now_v7();
    control.put_into_messages(&[(message_id, sent)]).await.unwrap();
    let done = Settled {
        attempt: Some(attempt(message_id, to.id, 1)),
        ..settled(message_id, DeliveryState::Delivered, NOW_MS)
    };
    control.settle_delivery(done).await.unwrap();
    let (_, waiting) = queued(&control, to.id, &[NOW_MS]).await;
    let now_ms = fresnel::clock::now().as_millis();
    assert_eq!(control.prune(now_ms).await.unwrap().deliveries, 2);
    let left = control
        .deliveries(&id("default"), DeliveryFilter::default(), page(1, 10))
        .await
        .unwrap();
    assert_eq!(ids(&left.items), waiting);
    let write = AlertWrite::Mark { at_ms: NOW_MS };
    control.record(&lease(&control).await, vec![write]).await.unwrap();
}
