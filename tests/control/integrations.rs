//! Integrations as they are kept.

use fresnel::control::{Control, ControlError, NewIntegration, sha256};
use fresnel::domain::account::ProjectId;
use fresnel::domain::integration::{Integration, IntegrationDefinition, RateLimit, Slug};
use uuid::Uuid;

use super::place::{Place, on_both_stores};
use super::words::{by, id, name, page, project};

on_both_stores!(
    an_integration_reads_back_as_it_was_written_and_is_in_its_project_only,
    an_integration_changes_with_its_revision_and_keeps_its_names,
    the_directory_finds_integrations_by_slug_and_by_hook_and_forgets_those_of_deleted_projects,
);

fn slug(text: &str) -> Slug {
    Slug::parse("slug", text).unwrap()
}

async fn kept(control: &Control, project_id: &ProjectId, text: &str) -> Integration {
    let mut definition = IntegrationDefinition::named(name("Stripe"));
    definition
        .headers
        .insert("X-Version".into(), "not for the audit log".into());
    let new = NewIntegration {
        id: Uuid::now_v7(),
        slug: slug(text),
        service: slug("stripe"),
        definition,
        sealed_secrets: vec![0, 1, 0xff],
        hook_sha256: sha256(&format!("{project_id:?}{text}")),
    };
    control.create_integration(&by(), project_id, new).await.unwrap()
}

async fn an_integration_reads_back_as_it_was_written_and_is_in_its_project_only(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let made = kept(&control, &id("shop"), "stripe").await;
    assert_eq!(control.integration(&id("shop"), made.id).await.unwrap(), made);
    let gone = ControlError::NotFound("integration");
    let elsewhere = id("default");
    assert_eq!(control.integration(&elsewhere, made.id).await, Err(gone.clone()));
    assert_eq!(
        control.delete_integration(&by(), &elsewhere, made.id).await,
        Err(gone)
    );
    assert_eq!(
        control.integrations(&elsewhere, page(1, 10)).await.unwrap().total,
        0
    );
    let list = control.integrations(&id("shop"), page(1, 10)).await.unwrap();
    assert_eq!(list.items, [made]);
    let log = control.audit(&Default::default(), page(1, 10)).await.unwrap();
    let told = format!("{log:?}");
    assert!(
        told.contains("integration.create") && told.contains("X-Version"),
        "{told}"
    );
    assert!(!told.contains("not for the audit log"), "{told}");
}

async fn an_integration_changes_with_its_revision_and_keeps_its_names(place: Place) {
    let control = place.open().await;
    let default = id("default");
    let made = kept(&control, &default, "stripe").await;
    let taken = NewIntegration {
        id: Uuid::now_v7(),
        slug: slug("stripe"),
        service: slug("custom"),
        definition: made.definition.clone(),
        sealed_secrets: Vec::new(),
        hook_sha256: sha256("other"),
    };
    let taken = control.create_integration(&by(), &default, taken).await;
    assert_eq!(taken, Err(ControlError::Conflict { field: "slug" }));
    let mut changed = made.clone();
    changed.definition.rate_limit = Some(RateLimit {
        calls: 5,
        window_s: 1,
    });
    changed.sealed_secrets = vec![9];
    let now = control.update_integration(&by(), &changed).await.unwrap();
    assert_eq!(
        (now.revision, &now.definition, &now.sealed_secrets),
        (2, &changed.definition, &vec![9])
    );
    let late = control.update_integration(&by(), &changed).await;
    assert_eq!(late, Err(ControlError::Conflict { field: "revision" }));
    let mut faulty = now.clone();
    faulty.definition.poll_interval_s = Some(1);
    let refused = control.update_integration(&by(), &faulty).await;
    assert!(matches!(refused, Err(ControlError::Invalid(_))), "{refused:?}");
    // Under another key it is the same integration; what was changed meanwhile is left alone.
    control.reseal_integration(&now, vec![8]).await.unwrap();
    let resealed = control.integration(&default, now.id).await.unwrap();
    assert_eq!(
        (&resealed.sealed_secrets, resealed.revision),
        (&vec![8], now.revision)
    );
    control.reseal_integration(&made, vec![7]).await.unwrap();
    assert_eq!(control.integration(&default, now.id).await.unwrap(), resealed);
    control.delete_integration(&by(), &default, now.id).await.unwrap();
    kept(&control, &default, "stripe").await;
}

async fn the_directory_finds_integrations_by_slug_and_by_hook_and_forgets_those_of_deleted_projects(
    place: Place,
) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let made = kept(&control, &id("shop"), "stripe").await;
    let found = control.directory();
    let all = found.integrations();
    assert_eq!(
        all.find(&id("shop"), &slug("stripe")).map(|one| one.id),
        Some(made.id)
    );
    assert!(all.find(&id("default"), &slug("stripe")).is_none());
    assert_eq!(all.of_hook(&made.hook_sha256).map(|one| one.id), Some(made.id));
    let mut rotated = made.clone();
    rotated.hook_sha256 = sha256("another");
    control.rotate_integration_hook(&by(), &rotated).await.unwrap();
    let found = control.directory();
    assert!(found.integrations().of_hook(&made.hook_sha256).is_none());
    assert!(found.integrations().of_hook(&sha256("another")).is_some());
    control.delete_project(&by(), &id("shop")).await.unwrap();
    assert_eq!(control.directory().integrations().all().count(), 0);
}
