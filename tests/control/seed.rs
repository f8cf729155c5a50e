//! The first credentials.

use fresnel::config::Secret;
use fresnel::control::{BOOTSTRAP_USER_ID, Control, Seed, sha256};
use fresnel::domain::account::{KeyKind, Role, Scope};

use super::place::{Place, on_both_stores};
use super::words::{by, id, new_key};

on_both_stores!(
    the_first_credentials_are_keys_of_the_store,
    a_preset_takes_the_place_of_the_one_before,
    a_revoked_one_comes_back_only_as_a_preset,
    generated_ones_of_several_nodes_stand_side_by_side,
    nodes_that_start_together_with_one_preset_agree,
);

fn secret(text: &str) -> Secret {
    Secret::new(format!("{text}, sixteen characters and more"))
}

async fn seed(control: &Control, ingest: &str, admin: &str, is_preset: bool) {
    let ingest = Seed::known(&secret(ingest), is_preset);
    let admin = Seed::summed(sha256(secret(admin).reveal()), is_preset);
    control.ensure_bootstrap(&ingest, &admin).await.unwrap();
}

fn is_accepted(control: &Control, text: &str) -> bool {
    let sum = sha256(secret(text).reveal());
    control.directory().key_by_sha256(&sum).is_some()
}

async fn the_first_credentials_are_keys_of_the_store(place: Place) {
    let control = place.open().await;
    seed(&control, "ingest", "admin", false).await;
    let directory = control.directory();
    let entry = directory
        .key_by_sha256(&sha256(secret("ingest").reveal()))
        .unwrap();
    assert_eq!(entry.key.kind, KeyKind::Browser);
    assert_eq!(entry.project.project.id, id("default"));
    assert!(entry.acts_as.is_none());
    let entry = directory
        .key_by_sha256(&sha256(secret("admin").reveal()))
        .unwrap();
    let admin = entry.acts_as.as_ref().unwrap();
    assert_eq!(admin.user.id, BOOTSTRAP_USER_ID);
    assert_eq!(admin.role_in("any-project"), Some(Role::Owner));
    assert!(entry.key.scopes.has(Scope::Manage) && entry.key.shown.is_empty());
    let revision = directory.revision();
    seed(&control, "ingest", "admin", false).await;
    seed(&control, "ingest", "admin", true).await;
    assert_eq!(
        control.directory().revision(),
        revision,
        "nothing to do the second time"
    );
}

async fn a_preset_takes_the_place_of_the_one_before(place: Place) {
    let control = place.open().await;
    seed(&control, "generated ingest", "generated admin", false).await;
    let (other, other_secret) = control
        .create_key(&by(), new_key("default", KeyKind::Browser))
        .await
        .unwrap();
    seed(&control, "preset ingest", "preset admin", true).await;
    for (text, accepted) in [
        ("generated ingest", false),
        ("generated admin", false),
        ("preset ingest", true),
        ("preset admin", true),
    ] {
        assert_eq!(is_accepted(&control, text), accepted, "{text}");
    }
    seed(&control, "new ingest", "preset admin", true).await;
    assert!(!is_accepted(&control, "preset ingest"));
    assert!(is_accepted(&control, "new ingest") && is_accepted(&control, "preset admin"));
    assert_eq!(other.sha256, sha256(other_secret.reveal()));
    assert!(
        control.directory().key_by_sha256(&other.sha256).is_some(),
        "keys that people made stay"
    );
}

async fn a_revoked_one_comes_back_only_as_a_preset(place: Place) {
    let control = place.open().await;
    seed(&control, "ingest", "admin", false).await;
    let directory = control.directory();
    let entry = directory
        .key_by_sha256(&sha256(secret("ingest").reveal()))
        .unwrap();
    control
        .revoke_key(&by(), &id("default"), entry.key.id)
        .await
        .unwrap();
    seed(&control, "ingest", "admin", false).await;
    assert!(!is_accepted(&control, "ingest"));
    seed(&control, "ingest", "admin", true).await;
    assert!(is_accepted(&control, "ingest"));
}

async fn generated_ones_of_several_nodes_stand_side_by_side(place: Place) {
    let control = place.open().await;
    seed(&control, "ingest 1", "admin 1", false).await;
    seed(&control, "ingest 2", "admin 2", false).await;
    for text in ["ingest 1", "ingest 2", "admin 1", "admin 2"] {
        assert!(is_accepted(&control, text), "{text}");
    }
}

async fn nodes_that_start_together_with_one_preset_agree(place: Place) {
    let nodes = [place.open().await, place.open().await, place.open().await];
    let starts = nodes.iter().map(|node| seed(node, "ingest", "admin", true));
    futures_util::future::join_all(starts).await;
    assert_eq!(place.number("SELECT count(*) FROM api_keys").await, 2);
    for node in &nodes {
        node.refresh().await.unwrap();
        assert!(is_accepted(node, "ingest") && is_accepted(node, "admin"));
    }
}
