//! Many at once: writers, nodes, first starts.

use std::sync::Arc;

use fresnel::control::{Control, ControlError};
use fresnel::domain::account::{KeyKind, Project};
use futures_util::future::join_all;

use super::place::{Place, on_both_stores};
use super::words::{by, id, name, new_key, page, project};

on_both_stores!(
    nodes_that_start_together_make_the_tables_once,
    no_change_of_many_writers_is_lost,
    of_many_updates_of_one_revision_one_is_made,
    many_who_raise_one_number_lose_none,
);

/// The same number of tasks on each of two nodes, at once.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    place: &Place,
    work: impl Fn(Control, usize) -> F,
) -> Vec<T> {
    let nodes = [place.open().await, place.open().await];
    let tasks = (0..32).map(|number| {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let work = work(nodes[number % 2].clone(), number);
        fresnel::task::spawn("a writer", async move {
            let _ = sender.send(work.await);
        });
        receiver
    });
    let outcomes = join_all(tasks).await;
    outcomes
        .into_iter()
        .map(|outcome| outcome.expect("a writer ends"))
        .collect()
}

async fn nodes_that_start_together_make_the_tables_once(place: Place) {
    let nodes = join_all((0..6).map(|_| place.open())).await;
    for control in &nodes {
        assert_eq!(control.projects(None, page(1, 50)).await.unwrap().total, 1);
    }
    assert_eq!(place.number("SELECT count(*) FROM audit").await, 1);
    let made = "SELECT count(*) - count(DISTINCT version) FROM refinery_schema_history";
    assert_eq!(place.number(made).await, 0);
    let later = place.open().await;
    assert_eq!(later.projects(None, page(1, 50)).await.unwrap().total, 1);
}

async fn no_change_of_many_writers_is_lost(place: Place) {
    let place = Arc::new(place);
    let before = place.open().await.directory().revision();
    let outcomes = at_once(&place, |control, number| async move {
        let shop = format!("shop-{number}");
        control.create_project(&by(), project(&shop)).await?;
        control.create_key(&by(), new_key(&shop, KeyKind::Server)).await?;
        control
            .create_key(&by(), new_key("default", KeyKind::Browser))
            .await?;
        let directory = control.directory();
        assert!(
            directory.project(&shop).is_some(),
            "an own change is seen at once"
        );
        Ok::<_, ControlError>(())
    })
    .await;
    assert_eq!(outcomes, vec![Ok(()); 32]);
    let control = place.open().await;
    assert_eq!(control.projects(None, page(1, 50)).await.unwrap().total, 33);
    assert_eq!(control.keys(&id("default"), page(1, 50)).await.unwrap().total, 32);
    assert_eq!(place.number("SELECT count(*) FROM api_keys").await, 64);
    assert_eq!(place.number("SELECT count(*) FROM audit").await, 1 + 3 * 32);
    assert_eq!(control.directory().revision(), before + 3 * 32);
}

async fn of_many_updates_of_one_revision_one_is_made(place: Place) {
    let control = place.open().await;
    let seen = control.create_project(&by(), project("shop")).await.unwrap();
    let revision = seen.revision;
    let outcomes = at_once(&place, move |control, number| {
        let mine = Project {
            name: name(&format!("by {number}")),
            ..seen.clone()
        };
        async move { control.update_project(&by(), mine).await }
    })
    .await;
    let made: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().ok())
        .collect();
    assert_eq!(made.len(), 1);
    let refused = Err(ControlError::Conflict { field: "revision" });
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == refused).count(), 31);
    let now = control.project(&id("shop")).await.unwrap();
    assert_eq!((&now, now.revision), (made[0], revision + 1));
}

async fn many_who_raise_one_number_lose_none(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    at_once(&place, |control, _| async move {
        loop {
            let mut mine = control.project(&id("shop")).await.unwrap();
            mine.settings.funnel_steps.push("one".into());
            match control.update_project(&by(), mine).await {
                Ok(_) => break,
                Err(ControlError::Conflict { field: "revision" }) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    })
    .await;
    let settings = control.project(&id("shop")).await.unwrap().settings;
    assert_eq!(settings.funnel_steps.len(), 32);
}
