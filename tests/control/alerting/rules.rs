//! Rules, and where they stand.

use fresnel::control::{AlertWrite, ControlError, RuleState};
use fresnel::domain::rule::{Observation, Rule, Status};

use super::words::{lease, rule};
use crate::control::place::{Place, on_both_stores};
use crate::control::words::{NOW_MS, by, id, name, page, project};

on_both_stores!(
    a_rule_reads_back_as_it_was_written_and_is_in_its_project_only,
    a_rule_changes_with_its_revision,
    rules_are_found_by_a_part_of_their_name_whatever_is_in_it,
    default_rules_come_once_and_go_around_names_that_are_taken,
    where_a_rule_stands_is_told_by_groups_and_to_its_project_only,
    a_rule_that_is_off_or_of_a_deleted_project_is_not_in_the_book,
);

async fn a_rule_reads_back_as_it_was_written_and_is_in_its_project_only(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let made = control
        .create_rule(&by(), &id("shop"), rule("Slow"))
        .await
        .unwrap();
    assert_eq!(control.rule(&id("shop"), made.id).await.unwrap(), made);
    let gone = ControlError::NotFound("rule");
    assert_eq!(control.rule(&id("default"), made.id).await, Err(gone.clone()));
    assert_eq!(
        control.delete_rule(&by(), &id("default"), made.id).await,
        Err(gone.clone())
    );
    let foreign = Rule {
        project_id: id("default"),
        ..made.clone()
    };
    assert!(control.update_rule(&by(), foreign).await.is_err());
    assert_eq!(control.rule(&id("shop"), made.id).await.unwrap(), made);
    // The same name is another one's in another project.
    let taken = control.create_rule(&by(), &id("shop"), rule("Slow")).await;
    assert_eq!(taken, Err(ControlError::Conflict { field: "name" }));
    control
        .create_rule(&by(), &id("default"), rule("Slow"))
        .await
        .unwrap();
    control.delete_rule(&by(), &id("shop"), made.id).await.unwrap();
    assert_eq!(control.rule(&id("shop"), made.id).await, Err(gone));
}

async fn a_rule_changes_with_its_revision(place: Place) {
    let control = place.open().await;
    let made = control
        .create_rule(&by(), &id("default"), rule("Slow"))
        .await
        .unwrap();
    control
        .create_rule(&by(), &id("default"), rule("Taken"))
        .await
        .unwrap();
    let mut changed = made.clone();
    changed.definition.name = name("Slower");
    let now = control.update_rule(&by(), changed.clone()).await.unwrap();
    assert_eq!(
        (now.revision, now.definition.name.to_string()),
        (2, "Slower".to_owned())
    );
    let late = control.update_rule(&by(), changed).await;
    assert_eq!(late, Err(ControlError::Conflict { field: "revision" }));
    let mut taken = now.clone();
    taken.definition.name = name("Taken");
    let taken = control.update_rule(&by(), taken).await;
    assert_eq!(taken, Err(ControlError::Conflict { field: "name" }));
    let mut wrong = now.clone();
    wrong.definition.for_ms = -1;
    let Err(ControlError::Invalid(faults)) = control.update_rule(&by(), wrong).await else {
        panic!("it is taken");
    };
    assert_eq!(faults[0].field, "for_ms");
    assert_eq!(control.rule(&id("default"), made.id).await.unwrap(), now);
}

async fn rules_are_found_by_a_part_of_their_name_whatever_is_in_it(place: Place) {
    let control = place.open().await;
    for title in [
        "100 % slow",
        "100 x slow",
        r"back\slash",
        "Under_score",
        "UnderXscore",
    ] {
        control
            .create_rule(&by(), &id("default"), rule(title))
            .await
            .unwrap();
    }
    for (search, found) in [
        ("0 %", vec!["100 % slow"]),
        ("SLOW", vec!["100 % slow", "100 x slow"]),
        (r"k\s", vec![r"back\slash"]),
        ("under_", vec!["Under_score"]),
        ("%", vec!["100 % slow"]),
        ("nothing", vec![]),
    ] {
        let page = control
            .rules(&id("default"), Some(search), page(1, 10))
            .await
            .unwrap();
        let names: Vec<_> = page
            .items
            .iter()
            .map(|rule| rule.definition.name.to_string())
            .collect();
        assert_eq!(names, found, "{search}");
        assert_eq!(page.total, found.len() as u64);
    }
    let second = control.rules(&id("default"), None, page(2, 2)).await.unwrap();
    assert_eq!((second.items.len(), second.total, second.has_next), (2, 5, true));
}

async fn default_rules_come_once_and_go_around_names_that_are_taken(place: Place) {
    let control = place.open().await;
    let default = id("default");
    let own = control.create_rule(&by(), &default, rule("Slow")).await.unwrap();
    let definitions = || vec![rule("Slow"), rule("Errors")];
    assert!(control.seed_rules(&default, definitions()).await.unwrap());
    assert!(!control.seed_rules(&default, definitions()).await.unwrap());
    let all = control.rules(&default, None, page(1, 10)).await.unwrap();
    assert_eq!(all.total, 2);
    assert!(all.items.contains(&own));
    // Who deletes one does not get it again.
    control.delete_rule(&by(), &default, own.id).await.unwrap();
    assert!(!control.seed_rules(&default, definitions()).await.unwrap());
    assert_eq!(control.rules(&default, None, page(1, 10)).await.unwrap().total, 1);
    let book = control.alert_book().borrow().clone();
    assert!(book.seeded.contains(&default));
}

async fn where_a_rule_stands_is_told_by_groups_and_to_its_project_only(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let lease = lease(&control).await;
    let made = control
        .create_rule(&by(), &id("default"), rule("Slow"))
        .await
        .unwrap();
    let definition = &made.definition;
    let highest = definition.thresholds.highest().unwrap();
    let mut firing = Status::default();
    firing.step(
        Observation::Value(Some(highest)),
        NOW_MS,
        definition.timing(),
        definition.no_data,
        highest,
    );
    let state = |group: &str, status, updated_at_ms| RuleState {
        rule_id: made.id,
        group_hash: group.repeat(8),
        group_values: vec![group.to_owned()],
        status,
        updated_at_ms,
    };
    let (one, two) = (state("a", Status::default(), 1), state("b", firing, 2));
    let writes = [&one, &two].map(|state| AlertWrite::State(state.clone()));
    control.record(&lease, writes.into()).await.unwrap();
    let found = control
        .rule_states(&id("default"), made.id, page(1, 10))
        .await
        .unwrap();
    assert_eq!(found.items, [two.clone(), one]);
    let statuses = control.rule_statuses(&id("default"), &[made.id]).await.unwrap();
    assert_eq!(statuses[&made.id].len(), 2);
    assert!(statuses[&made.id].contains(&firing));
    // Not to another project, and not of nothing.
    assert_eq!(
        control
            .rule_states(&id("shop"), made.id, page(1, 10))
            .await
            .unwrap()
            .total,
        0
    );
    assert!(
        control
            .rule_statuses(&id("shop"), &[made.id])
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        control
            .rule_statuses(&id("default"), &[])
            .await
            .unwrap()
            .is_empty()
    );
    let forget = AlertWrite::Forget {
        rule_id: made.id,
        group_hash: two.group_hash,
    };
    control.record(&lease, vec![forget]).await.unwrap();
    assert_eq!(
        control
            .rule_states(&id("default"), made.id, page(1, 10))
            .await
            .unwrap()
            .total,
        1
    );
}

async fn a_rule_that_is_off_or_of_a_deleted_project_is_not_in_the_book(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let other = place.open().await;
    let on = control
        .create_rule(&by(), &id("default"), rule("On"))
        .await
        .unwrap();
    let off = fresnel::domain::rule::RuleDefinition {
        is_enabled: false,
        ..rule("Off")
    };
    control.create_rule(&by(), &id("default"), off).await.unwrap();
    control
        .create_rule(&by(), &id("shop"), rule("Of the shop"))
        .await
        .unwrap();
    assert_eq!(control.alert_book().borrow().rules.len(), 2);
    control.delete_project(&by(), &id("shop")).await.unwrap();
    let book = control.alert_book().borrow().clone();
    assert_eq!(book.rules.keys().collect::<Vec<_>>(), [&on.id]);
    assert_eq!(*book.rules[&on.id], on);
    // Another node sees it too, soon.
    let mut seen = other.alert_book();
    let revision = book.revision;
    tokio::time::timeout(
        std::time::Duration::from_secs(30),
        seen.wait_for(|book| book.revision >= revision),
    )
    .await
    .unwrap()
    .unwrap();
    assert_eq!(seen.borrow().rules.keys().collect::<Vec<_>>(), [&on.id]);
}
