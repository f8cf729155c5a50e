//! Silences and inhibitions.

use fresnel::control::ControlError;
use fresnel::domain::alert::{InhibitionDefinition, SilenceDefinition};
use fresnel::domain::dashboard::Note;

use super::words::matcher;
use crate::control::place::{Place, on_both_stores};
use crate::control::words::{by, id, page, project};

on_both_stores!(
    silences_are_listed_until_they_are_over_and_then_only_when_asked_for,
    inhibitions_need_a_condition_on_either_side,
);

fn silence(starts_at_ms: i64, ends_at_ms: i64) -> SilenceDefinition {
    SilenceDefinition {
        matcher: matcher("page", "/checkout"),
        starts_at_ms,
        ends_at_ms,
        comment: Some(Note::parse("comment", "a migration").unwrap()),
    }
}

async fn silences_are_listed_until_they_are_over_and_then_only_when_asked_for(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let shop = id("shop");
    let now_ms = fresnel::clock::now().as_millis();
    let hour = 3_600_000;
    let make = async |from, to| control.create_silence(&by(), &shop, silence(from, to)).await;
    let over = make(now_ms - 2 * hour, now_ms - hour).await.unwrap();
    let now = make(now_ms - hour, now_ms + hour).await.unwrap();
    let later = make(now_ms + hour, now_ms + 2 * hour).await.unwrap();
    assert_eq!(now.created_by, by().actor);
    let all = control.silences(&shop, true, page(1, 10)).await.unwrap();
    assert_eq!(all.items, [later.clone(), now.clone(), over]);
    let live = control.silences(&shop, false, page(1, 10)).await.unwrap();
    assert_eq!(live.items, [later.clone(), now.clone()]);
    assert_eq!(control.alert_book().borrow().silences[&shop].len(), 2);
    assert_eq!(
        control
            .silences(&id("default"), true, page(1, 10))
            .await
            .unwrap()
            .total,
        0
    );
    let foreign = control.delete_silence(&by(), &id("default"), now.id).await;
    assert_eq!(foreign, Err(ControlError::NotFound("silence")));
    control.delete_silence(&by(), &shop, now.id).await.unwrap();
    assert_eq!(control.alert_book().borrow().silences[&shop], [later]);
    for (from, to) in [(2, 1), (1, 1), (-1, 1), (0, 367 * 24 * hour)] {
        assert!(
            matches!(make(from, to).await, Err(ControlError::Invalid(_))),
            "{from} to {to}"
        );
    }
}

async fn inhibitions_need_a_condition_on_either_side(place: Place) {
    let control = place.open().await;
    let default = id("default");
    let definition = InhibitionDefinition {
        source: matcher("level", "critical"),
        target: matcher("level", "warning"),
        equal: vec!["page".to_owned()],
    };
    let made = control
        .create_inhibition(&by(), &default, definition.clone())
        .await
        .unwrap();
    assert_eq!(
        control.inhibitions(&default, page(1, 10)).await.unwrap().items,
        std::slice::from_ref(&made)
    );
    assert_eq!(
        control.alert_book().borrow().inhibitions[&default],
        std::slice::from_ref(&made)
    );
    let empty = InhibitionDefinition {
        target: Default::default(),
        ..definition
    };
    let Err(ControlError::Invalid(faults)) = control.create_inhibition(&by(), &default, empty).await else {
        panic!("it is taken");
    };
    assert_eq!(faults[0].field, "target");
    control.delete_inhibition(&by(), &default, made.id).await.unwrap();
    let again = control.delete_inhibition(&by(), &default, made.id).await;
    assert_eq!(again, Err(ControlError::NotFound("inhibition")));
}
