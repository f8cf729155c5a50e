//! What the evaluator writes down, and the right to do so.

use std::time::Duration;

use fresnel::control::{AlertWrite, ControlError, DeliveryFilter, Lease, RuleState, Telling};
use fresnel::domain::alert::{Alert, AlertChange, NoticeEvent, Resolution};
use fresnel::domain::rule::{Level, Status};
use uuid::Uuid;

use super::words::{alert, channel, deliver, event, lease, notice, open};
use crate::control::place::{Place, on_both_stores};
use crate::control::words::{NOW_MS, id, page};

on_both_stores!(
    what_is_recorded_stands_so_after_a_restart,
    one_write_that_fails_takes_all_of_them_with_it,
    a_lease_is_taken_over_when_its_time_is_over_and_not_before,
    who_has_lost_the_lease_writes_nothing,
);

async fn what_is_recorded_stands_so_after_a_restart(place: Place) {
    let control = place.open().await;
    let lease = lease(&control).await;
    assert_eq!(control.standing().await.unwrap().looked_until_ms, None);
    let (first, second) = (alert(NOW_MS), alert(NOW_MS + 1));
    let state = RuleState {
        rule_id: Uuid::from_u128(7),
        group_hash: "ab".to_owned(),
        group_values: vec!["/größe".to_owned()],
        status: Status::default(),
        updated_at_ms: NOW_MS,
    };
    let to = channel(&control, &id("default"), "Room").await;
    let telling = Telling {
        alert_id: first.id,
        channel_id: to.id,
        level: Level::Warning,
        told_at_ms: NOW_MS,
    };
    let writes = vec![
        AlertWrite::State(state.clone()),
        open(&first),
        open(&second),
        AlertWrite::Event(event(&first, AlertChange::Fired, NOW_MS)),
        AlertWrite::Told(telling),
        AlertWrite::Mark { at_ms: NOW_MS },
        deliver(to.id, notice(&first, NoticeEvent::Firing, NOW_MS)).1,
    ];
    control.record(&lease, writes).await.unwrap();
    let worse = Alert {
        level: Level::Critical,
        value: Some(-0.1),
        count: 3,
        sessions: 2,
        updated_at_ms: NOW_MS + 5,
        ..first.clone()
    };
    let told_again = Telling {
        level: Level::Critical,
        told_at_ms: NOW_MS + 5,
        ..telling
    };
    let writes = vec![
        AlertWrite::Update(Box::new(worse.clone())),
        AlertWrite::Told(told_again),
        AlertWrite::Mark { at_ms: NOW_MS + 5 },
        AlertWrite::Resolve {
            id: second.id,
            at_ms: NOW_MS + 5,
            resolution: Resolution::RuleChanged,
        },
    ];
    control.record(&lease, writes).await.unwrap();
    let standing = place.open().await.standing().await.unwrap();
    assert_eq!(standing.states, [state]);
    assert_eq!(standing.looked_until_ms, Some(NOW_MS + 5));
    let [still] = standing.alerts.as_slice() else {
        panic!("{:?}", standing.alerts);
    };
    assert_eq!(
        (&still.alert, still.tellings.as_slice()),
        (&worse, &[told_again][..])
    );
    assert_eq!(still.subject, first.id.simple().to_string());
    let ended = control.alert(&id("default"), second.id).await.unwrap();
    assert_eq!(
        (ended.resolved_at_ms, ended.resolution),
        (Some(NOW_MS + 5), Some(Resolution::RuleChanged))
    );
    let untold = AlertWrite::Untold {
        alert_id: first.id,
        channel_id: to.id,
    };
    control.record(&lease, vec![untold]).await.unwrap();
    assert_eq!(control.standing().await.unwrap().alerts[0].tellings, []);
}

async fn one_write_that_fails_takes_all_of_them_with_it(place: Place) {
    let control = place.open().await;
    let lease = lease(&control).await;
    let first = alert(NOW_MS);
    control.record(&lease, vec![open(&first)]).await.unwrap();
    // One open alert of each subject.
    let twin = AlertWrite::Open {
        alert: Box::new(alert(NOW_MS)),
        subject: first.id.simple().to_string(),
    };
    let told = deliver(Uuid::from_u128(1), notice(&first, NoticeEvent::Firing, NOW_MS)).1;
    let refused = control.record(&lease, vec![told, twin]).await;
    assert_eq!(refused, Err(ControlError::Conflict { field: "subject" }));
    let deliveries = control
        .deliveries(&id("default"), DeliveryFilter::default(), page(1, 10))
        .await;
    assert_eq!(deliveries.unwrap().total, 0);
    // When it is over, the next one may begin.
    let end = AlertWrite::Resolve {
        id: first.id,
        at_ms: NOW_MS,
        resolution: Resolution::Recovered,
    };
    let next = AlertWrite::Open {
        alert: Box::new(alert(NOW_MS + 1)),
        subject: first.id.simple().to_string(),
    };
    control.record(&lease, vec![end, next]).await.unwrap();
}

async fn a_lease_is_taken_over_when_its_time_is_over_and_not_before(place: Place) {
    let (one, two) = (place.open().await, place.open().await);
    let of = |holder: &str| Lease {
        name: "alerts",
        holder: holder.to_owned(),
    };
    let time = Duration::from_secs(12);
    assert!(one.hold(&of("a"), NOW_MS, time).await.unwrap());
    assert!(!two.hold(&of("b"), NOW_MS + 11_999, time).await.unwrap());
    assert!(one.hold(&of("a"), NOW_MS + 3_000, time).await.unwrap());
    assert!(!two.hold(&of("b"), NOW_MS + 12_000, time).await.unwrap());
    assert!(two.hold(&of("b"), NOW_MS + 15_000, time).await.unwrap());
    assert!(!one.hold(&of("a"), NOW_MS + 15_000, time).await.unwrap());
    // Other work is another lease.
    let other = Lease {
        name: "reports",
        holder: "a".to_owned(),
    };
    assert!(one.hold(&other, NOW_MS, time).await.unwrap());
    // Who has lost it gives nothing back.
    one.give_back(&of("a")).await.unwrap();
    assert!(!one.hold(&of("a"), NOW_MS + 15_000, time).await.unwrap());
    two.give_back(&of("b")).await.unwrap();
    assert!(one.hold(&of("a"), NOW_MS + 15_000, time).await.unwrap());
}

async fn who_has_lost_the_lease_writes_nothing(place: Place) {
    let control = place.open().await;
    let lost = lease(&control).await;
    let other = Lease {
        holder: "b".to_owned(),
        ..lost.clone()
    };
    let later = NOW_MS + 60_000;
    assert!(
        control
            .hold(&other, later, Duration::from_secs(60))
            .await
            .unwrap()
    );
    let late = control.record(&lost, vec![open(&alert(NOW_MS))]).await;
    assert_eq!(late, Err(Lease::LOST));
    assert_eq!(control.standing().await.unwrap().alerts.len(), 0);
}
