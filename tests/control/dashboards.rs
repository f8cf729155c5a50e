//! What people add to dashboards: deploys, what has been decided about errors, saved views.

use fresnel::control::{Control, ControlError, DeployFilter, NewDeploy, NewView};
use fresnel::domain::account::ProjectId;
use fresnel::domain::dashboard::{
    Deploy, ErrorState, Fingerprint, Label, Link, Note, PageName, SavedView, ViewOwner, ViewState,
};
use uuid::Uuid;

use super::place::{Place, on_both_stores};
use super::words::{by, id, name, page, project};

on_both_stores!(
    a_deploy_reads_back_as_it_was_written_and_is_in_its_project_only,
    deploys_are_found_by_time_and_environment,
    of_too_many_deploys_the_oldest_are_forgotten_and_never_the_new_one,
    what_is_decided_about_an_error_holds_until_the_next_decision,
    to_open_an_error_again_without_a_note_leaves_nothing,
    a_view_reads_back_as_it_was_written_and_changes_with_its_revision,
    a_list_of_views_has_the_own_and_the_shared_ones,
    one_owner_keeps_so_many_views_and_no_more,
    a_deleted_project_takes_nothing_more,
);

fn deploy_of(release: &str, environment: Option<&str>, deployed_at_ms: i64) -> NewDeploy {
    NewDeploy {
        release: Label::parse("release", release).unwrap(),
        environment: environment.map(|text| Label::parse("environment", text).unwrap()),
        deployed_at_ms: Some(deployed_at_ms),
        description: None,
        url: None,
    }
}

async fn deployed(control: &Control, release: &str, environment: Option<&str>, at_ms: i64) -> Deploy {
    let new = deploy_of(release, environment, at_ms);
    control.create_deploy(&by(), &id("default"), new).await.unwrap()
}

fn releases(deploys: &[Deploy]) -> Vec<&str> {
    deploys.iter().map(|deploy| deploy.release.as_str()).collect()
}

fn print(number: u64) -> Fingerprint {
    Fingerprint::from(number)
}

fn note(text: &str) -> Option<Note> {
    Some(Note::parse("note", text).unwrap())
}

fn owner(number: u128) -> ViewOwner {
    ViewOwner {
        id: Uuid::from_u128(number),
        name: format!("owner {number}"),
    }
}

fn new_view(title: &str, is_shared: bool) -> NewView {
    NewView {
        name: name(title),
        page: PageName::parse("page", "performance").unwrap(),
        state: ViewState::parse("state", "from=now-7d&group_by=page").unwrap(),
        is_shared,
    }
}

async fn kept(control: &Control, owner: ViewOwner, title: &str, is_shared: bool) -> SavedView {
    let new = new_view(title, is_shared);
    control
        .create_view(&by(), &id("default"), owner, new)
        .await
        .unwrap()
}

async fn last_action(control: &Control, project_id: &ProjectId) -> String {
    let filter = fresnel::control::AuditFilter {
        project_id: Some(project_id.clone()),
        ..Default::default()
    };
    let page = control.audit(&filter, page(1, 1)).await.unwrap();
    page.items[0].action.clone()
}

async fn a_deploy_reads_back_as_it_was_written_and_is_in_its_project_only(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let default = id("default");
    let new = NewDeploy {
        description: note("first\nsecond"),
        url: Some(Link::parse("url", "https://ci.example/7").unwrap()),
        ..deploy_of("2026.11.3", Some("production"), 7)
    };
    let made = control.create_deploy(&by(), &default, new).await.unwrap();
    assert_eq!(last_action(&control, &default).await, "deploy.create");
    assert_eq!(control.deploy(&default, made.id).await.unwrap(), made);
    let gone = ControlError::NotFound("deploy");
    assert_eq!(control.deploy(&id("shop"), made.id).await, Err(gone.clone()));
    let shop = id("shop");
    assert_eq!(
        control.delete_deploy(&by(), &shop, made.id).await,
        Err(gone.clone())
    );
    control.delete_deploy(&by(), &default, made.id).await.unwrap();
    assert_eq!(control.deploy(&default, made.id).await, Err(gone));
    assert_eq!(last_action(&control, &default).await, "deploy.delete");
}

async fn deploys_are_found_by_time_and_environment(place: Place) {
    let control = place.open().await;
    for (release, environment, at_ms) in [
        ("three", None, 300),
        ("one", Some("production"), 100),
        ("two", Some("staging"), 200),
    ] {
        deployed(&control, release, environment, at_ms).await;
    }
    let default = id("default");
    let within = control.deploys(&default, 100, 300).await.unwrap();
    assert_eq!(releases(&within), ["one", "two"]);
    let filter = DeployFilter {
        environment: Some(Label::parse("environment", "production").unwrap()),
        ..DeployFilter::default()
    };
    let found = control.deploy_page(&default, &filter, page(1, 50)).await.unwrap();
    assert_eq!(releases(&found.items), ["three", "one"]);
    let every = DeployFilter::default();
    let all = control.deploy_page(&default, &every, page(2, 2)).await.unwrap();
    assert_eq!((releases(&all.items), all.total), (vec!["one"], 3));
}

async fn of_too_many_deploys_the_oldest_are_forgotten_and_never_the_new_one(place: Place) {
    let control = place.open().await;
    let new_id = if place.is_postgres() {
        "gen_random_uuid()"
    } else {
        "lower(hex(randomblob(4))) || '-0000-4000-8000-' || lower(hex(randomblob(6)))"
    };
    place
        .execute(&format!(
            "INSERT INTO deploys (id, project_id, release, deployed_at_ms, created_at_ms) \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
             SELECT {new_id}, 'default', 'r' || i, 1000 + i, 1 FROM n"
        ))
        .await;
    // The oldest of all, by its time.
    let made = deployed(&control, "late", None, 5).await;
    assert_eq!(control.deploy(&id("default"), made.id).await.unwrap(), made);
    assert_eq!(place.number("SELECT count(*) FROM deploys").await, 10_000);
    let first = "SELECT count(*) FROM deploys WHERE release = 'r1'";
    assert_eq!(place.number(first).await, 0);
    let marked = control.deploys(&id("default"), 0, 100_000).await.unwrap();
    assert_eq!(marked.len(), 500);
    assert_eq!(
        (marked[0].deployed_at_ms, marked[499].deployed_at_ms),
        (10_501, 11_000)
    );
}

async fn what_is_decided_about_an_error_holds_until_the_next_decision(place: Place) {
    let control = place.open().await;
    let default = id("default");
    assert_eq!(control.error_state(&default, &print(1)).await.unwrap(), None);
    let resolved = control
        .set_error_state(
            &by(),
            &default,
            &print(1),
            ErrorState::Resolved,
            note("fixed in 1.2"),
        )
        .await
        .unwrap();
    assert_eq!(resolved.changed_by, by().actor);
    assert_eq!(
        control.error_state(&default, &print(1)).await.unwrap(),
        Some(resolved.clone())
    );
    let ignored = control
        .set_error_state(&by(), &default, &print(1), ErrorState::Ignored, None)
        .await
        .unwrap();
    let open = control
        .set_error_state(&by(), &default, &print(2), ErrorState::Open, note("look at this"))
        .await
        .unwrap();
    assert_eq!(
        control.all_error_states(&default).await.unwrap(),
        [ignored.clone(), open]
    );
    let found = control
        .error_states(&default, Some(ErrorState::Ignored), page(1, 50))
        .await
        .unwrap();
    assert_eq!(found.items, [ignored]);
    let all = control.error_states(&default, None, page(1, 50)).await.unwrap();
    assert_eq!(all.total, 2);
    assert_eq!(last_action(&control, &default).await, "error.update");
}

async fn to_open_an_error_again_without_a_note_leaves_nothing(place: Place) {
    let control = place.open().await;
    let default = id("default");
    for state in [ErrorState::Resolved, ErrorState::Open, ErrorState::Open] {
        control
            .set_error_state(&by(), &default, &print(1), state, None)
            .await
            .unwrap();
    }
    assert_eq!(control.all_error_states(&default).await.unwrap(), []);
}

async fn a_view_reads_back_as_it_was_written_and_changes_with_its_revision(place: Place) {
    let control = place.open().await;
    let made = kept(&control, owner(1), "Slow pages", false).await;
    assert_eq!(made.id.get_version_num(), 4);
    assert_eq!(control.view(made.id).await.unwrap(), made);
    let changed = SavedView {
        name: name("Slower pages"),
        state: ViewState::parse("state", "{}").unwrap(),
        is_shared: true,
        ..made.clone()
    };
    let updated = control.update_view(&by(), changed.clone()).await.unwrap();
    assert_eq!(
        updated,
        SavedView {
            revision: 2,
            updated_at_ms: updated.updated_at_ms,
            ..changed
        }
    );
    let conflict = Err(ControlError::Conflict { field: "revision" });
    assert_eq!(control.update_view(&by(), made.clone()).await, conflict);
    control.delete_view(&by(), &id("default"), made.id).await.unwrap();
    let gone = ControlError::NotFound("view");
    assert_eq!(control.view(made.id).await, Err(gone.clone()));
    assert_eq!(
        control.delete_view(&by(), &id("default"), made.id).await,
        Err(gone)
    );
    assert_eq!(last_action(&control, &id("default")).await, "view.delete");
}

async fn a_list_of_views_has_the_own_and_the_shared_ones(place: Place) {
    let control = place.open().await;
    kept(&control, owner(1), "b mine", false).await;
    kept(&control, owner(2), "a theirs", false).await;
    kept(&control, owner(2), "c shared", true).await;
    let names = async |of: u128, of_page: Option<&str>| {
        let of_page = of_page.map(|text| PageName::parse("page", text).unwrap());
        let found = control
            .views(&id("default"), Uuid::from_u128(of), of_page.as_ref(), page(1, 50))
            .await
            .unwrap();
        let names = found.items.iter().map(|view| view.name.to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(1, None).await, ["b mine", "c shared"]);
    assert_eq!(names(2, Some("performance")).await, ["a theirs", "c shared"]);
    assert_eq!(names(3, None).await, ["c shared"]);
    assert!(names(1, Some("funnels")).await.is_empty());
}

async fn one_owner_keeps_so_many_views_and_no_more(place: Place) {
    let control = place.open().await;
    for number in 0..200 {
        kept(&control, owner(1), &format!("view {number}"), false).await;
    }
    let refused = control
        .create_view(&by(), &id("default"), owner(1), new_view("one more", false))
        .await;
    assert!(matches!(refused, Err(ControlError::TooMany { max: 200, .. })));
    kept(&control, owner(2), "of another", false).await;
}

async fn a_deleted_project_takes_nothing_more(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    control.delete_project(&by(), &id("shop")).await.unwrap();
    let gone = ControlError::NotFound("project");
    let shop = id("shop");
    let deploy = control.create_deploy(&by(), &shop, deploy_of("r", None, 1)).await;
    assert_eq!(deploy, Err(gone.clone()));
    let state = control
        .set_error_state(&by(), &shop, &print(1), ErrorState::Ignored, None)
        .await;
    assert_eq!(state, Err(gone.clone()));
    let view = control
        .create_view(&by(), &shop, owner(1), new_view("x", true))
        .await;
    assert_eq!(view, Err(gone));
}
