//! Alerts as people see them.

use fresnel::control::{AlertFilter, AlertStateFilter, AlertWrite, Control, ControlError, DayCount};
use fresnel::domain::alert::{Alert, AlertChange, AlertSource, Resolution};
use fresnel::domain::rule::Level;
use uuid::Uuid;

use super::words::{alert, event, lease, open};
use crate::control::place::{Place, on_both_stores};
use crate::control::words::{NOW_MS, by, id, page, project};

on_both_stores!(
    alerts_are_found_by_what_they_are_and_only_in_their_project,
    who_acknowledges_is_written_down_with_the_alert_and_its_history,
    days_count_what_began_on_them,
    what_is_past_its_time_is_forgotten_and_what_is_open_is_not,
);

const DAY_MS: i64 = 86_400_000;

fn resolve(alert: &Alert, at_ms: i64) -> AlertWrite {
    AlertWrite::Resolve {
        id: alert.id,
        at_ms,
        resolution: Resolution::Recovered,
    }
}

async fn ids(control: &Control, filter: AlertFilter) -> Vec<Uuid> {
    let page = control
        .alerts(&id("default"), &filter, page(1, 50))
        .await
        .unwrap();
    assert_eq!(page.total, page.items.len() as u64);
    page.items.iter().map(|alert| alert.id).collect()
}

async fn alerts_are_found_by_what_they_are_and_only_in_their_project(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let lease = lease(&control).await;
    let old = alert(NOW_MS);
    let client = Alert {
        source: AlertSource::Client,
        rule_id: None,
        level: Level::Critical,
        value: None,
        threshold: None,
        sessions: 3,
        ..alert(NOW_MS + 1)
    };
    let over = alert(NOW_MS + 2);
    let foreign = Alert {
        project_id: id("shop"),
        ..alert(NOW_MS)
    };
    let mut writes: Vec<_> = [&old, &client, &over, &foreign].map(open).into();
    writes.push(resolve(&over, NOW_MS + 3));
    control.record(&lease, writes).await.unwrap();
    let filter = AlertFilter::default;
    assert_eq!(ids(&control, filter()).await, [client.id, old.id, over.id]);
    let state = |state| AlertFilter { state, ..filter() };
    assert_eq!(
        ids(&control, state(AlertStateFilter::Open)).await,
        [client.id, old.id]
    );
    assert_eq!(ids(&control, state(AlertStateFilter::Resolved)).await, [over.id]);
    let level = AlertFilter {
        level: Some(Level::Critical),
        ..filter()
    };
    assert_eq!(ids(&control, level).await, [client.id]);
    let source = AlertFilter {
        source: Some(AlertSource::Rule),
        rule_id: old.rule_id,
        ..filter()
    };
    assert_eq!(ids(&control, source).await, [old.id, over.id]);
    let range = AlertFilter {
        from_ms: Some(NOW_MS + 1),
        to_ms: Some(NOW_MS + 2),
        ..filter()
    };
    assert_eq!(ids(&control, range).await, [client.id]);
    assert_eq!(control.alert(&id("default"), client.id).await.unwrap(), client);
    let unknown = ControlError::NotFound("alert");
    assert_eq!(
        control.alert(&id("default"), foreign.id).await,
        Err(unknown.clone())
    );
    assert_eq!(
        control.acknowledge_alert(&by(), &id("default"), foreign.id).await,
        Err(unknown)
    );
    let some = control
        .alerts_of(&id("default"), &[foreign.id, old.id])
        .await
        .unwrap();
    assert_eq!(some, [old]);
    assert_eq!(control.alerts_of(&id("default"), &[]).await.unwrap(), []);
}

async fn who_acknowledges_is_written_down_with_the_alert_and_its_history(place: Place) {
    let control = place.open().await;
    let lease = lease(&control).await;
    let default = id("default");
    let (one, over) = (alert(NOW_MS), alert(NOW_MS));
    let fired = event(&one, AlertChange::Fired, NOW_MS);
    let writes = vec![
        open(&one),
        AlertWrite::Event(fired.clone()),
        open(&over),
        resolve(&over, NOW_MS + 1),
    ];
    control.record(&lease, writes).await.unwrap();
    let seen = control.acknowledge_alert(&by(), &default, one.id).await.unwrap();
    let acknowledged = seen.acknowledged.clone().unwrap();
    assert_eq!(acknowledged.by, by().actor);
    assert_eq!(
        control.alert_book().borrow().acknowledged[&one.id],
        acknowledged.at_ms
    );
    let history = control.alert_history(&default, one.id).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[0], fired);
    assert_eq!(
        (history[1].event, history[1].actor_name.as_deref()),
        (AlertChange::Acknowledged, Some("tester@example.org"))
    );
    let after = control.alert_events_after(&default, fired.id, 10).await.unwrap();
    assert_eq!(after, history[1..]);
    assert_eq!(
        control
            .alert_events_after(&default, Uuid::nil(), 1)
            .await
            .unwrap(),
        history[..1]
    );
    let late = control.acknowledge_alert(&by(), &default, over.id).await;
    assert_eq!(
        late,
        Err(ControlError::Conflict {
            field: "resolved_at_ms"
        })
    );
    // The evaluator knows nothing of people, and takes nothing away.
    control
        .record(&lease, vec![AlertWrite::Update(Box::new(one.clone()))])
        .await
        .unwrap();
    let still = control.alert(&default, one.id).await.unwrap();
    assert_eq!(still.acknowledged, Some(acknowledged));
}

async fn days_count_what_began_on_them(place: Place) {
    let control = place.open().await;
    let lease = lease(&control).await;
    let day = NOW_MS / DAY_MS * DAY_MS;
    let (first, second, next) = (alert(day), alert(day + DAY_MS - 1), alert(day + DAY_MS));
    let critical = Alert {
        level: Level::Critical,
        ..alert(day + 5)
    };
    let mut writes: Vec<_> = [&first, &second, &next, &critical].map(open).into();
    writes.extend([resolve(&first, day + 100), resolve(&second, day + DAY_MS + 199)]);
    control.record(&lease, writes).await.unwrap();
    let count = |day_ms, level, count, lasted_ms, resolved| DayCount {
        day_ms,
        level,
        count,
        lasted_ms,
        resolved,
    };
    let found = control
        .alert_days(&id("default"), day, day + DAY_MS)
        .await
        .unwrap();
    assert_eq!(
        found,
        [
            count(day, Level::Critical, 1, 0, 0),
            count(day, Level::Warning, 2, 300, 2)
        ]
    );
    let found = control
        .alert_days(&id("default"), day + 1, day + 2 * DAY_MS)
        .await
        .unwrap();
    assert_eq!(found.last(), Some(&count(day + DAY_MS, Level::Warning, 1, 0, 0)));
}

async fn what_is_past_its_time_is_forgotten_and_what_is_open_is_not(place: Place) {
    let control = place.open().await;
    let lease = lease(&control).await;
    let now_ms = fresnel::clock::now().as_millis();
    let (old, open_one, new) = (alert(1), alert(1), alert(now_ms));
    let mut writes: Vec<_> = [&old, &open_one, &new].map(open).into();
    writes.push(AlertWrite::Event(event(&old, AlertChange::Fired, 1)));
    writes.extend([resolve(&old, 2), resolve(&new, now_ms)]);
    control.record(&lease, writes).await.unwrap();
    let pruned = control.prune(now_ms).await.unwrap();
    assert_eq!(pruned.alerts, 2);
    let mut left = ids(&control, AlertFilter::default()).await;
    left.sort();
    assert_eq!(left, [open_one.id, new.id]);
    assert_eq!(control.prune(now_ms).await.unwrap().alerts, 0);
}
