//! Projects.

use fresnel::control::ControlError;
use fresnel::domain::account::{
    FunnelDefinition, GroupingRule, KeyKind, Origin, OverflowMode, Project, ProjectSettings, Role, ScrubRule,
    ShareThreshold, Thresholds, TimeZoneName,
};

use super::place::{Place, on_both_stores};
use super::words::{by, id, name, new_key, page, project, user};

on_both_stores!(
    the_default_project_is_there_and_stays,
    a_project_reads_back_as_it_was_written,
    an_id_is_given_once,
    a_deleted_project_is_gone_with_all_that_belongs_to_it,
    an_update_of_what_others_have_changed_is_refused,
    settings_outside_their_limits_are_refused,
    pages_cover_the_list_in_its_order,
    a_user_sees_the_projects_that_it_is_a_member_of,
);

async fn the_default_project_is_there_and_stays(place: Place) {
    let control = place.open().await;
    assert_eq!(
        control.project(&id("default")).await.unwrap().name,
        name("Default")
    );
    assert_eq!(
        control.delete_project(&by(), &id("default")).await,
        Err(ControlError::Conflict { field: "id" })
    );
    assert!(control.directory().project("default").is_some());
}

async fn a_project_reads_back_as_it_was_written(place: Place) {
    let control = place.open().await;
    let origin = |text| Origin::parse("o", text).unwrap();
    let wanted = Project {
        time_zone: TimeZoneName::parse("time_zone", "Asia/Kathmandu").unwrap(),
        allowed_origins: vec![
            origin("https://*.shop.example"),
            origin("*"),
            origin("http://[::1]:3000"),
        ],
        allow_keyless: true,
        settings: ProjectSettings {
            funnel_steps: vec!["paid".into(), "ausgewählt".into()],
            event_types: vec!["coupon".into()],
            grouping_rules: vec![GroupingRule {
                pattern: "/s/*".into(),
                name: "/s/:id".into(),
            }],
            scrub_rules: vec![ScrubRule {
                pattern: r"\d{16}".into(),
                replacement: "card".into(),
            }],
            overflow: OverflowMode::Sample,
            funnels: vec![FunnelDefinition {
                id: "checkout".into(),
                name: name("Checkout"),
                steps: vec!["cart".into(), "bezahlt".into()],
                window_ms: 3_600_000,
            }],
            thresholds: Thresholds {
                error_share: ShareThreshold {
                    warning: 0.1,
                    critical: 0.3,
                },
                ..Thresholds::default()
            },
        },
        ..project("shop")
    };
    let made = control.create_project(&by(), wanted.clone()).await.unwrap();
    assert_eq!(
        made,
        Project {
            created_at_ms: made.created_at_ms,
            ..wanted
        }
    );
    assert_eq!(control.project(&id("shop")).await.unwrap(), made);
    assert_eq!(control.directory().project("shop").unwrap().project, made);

    let changed = Project {
        name: name("The Shop"),
        allow_keyless: false,
        allowed_origins: Vec::new(),
        ..made.clone()
    };
    let updated = control.update_project(&by(), changed.clone()).await.unwrap();
    assert_eq!(
        updated,
        Project {
            revision: made.revision + 1,
            ..changed
        }
    );
    assert_eq!(control.directory().project("shop").unwrap().project, updated);
}

async fn an_id_is_given_once(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let taken = Err(ControlError::Conflict { field: "id" });
    assert_eq!(control.create_project(&by(), project("shop")).await, taken);
    control.delete_project(&by(), &id("shop")).await.unwrap();
    assert_eq!(control.create_project(&by(), project("shop")).await, taken);
}

async fn a_deleted_project_is_gone_with_all_that_belongs_to_it(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let (key, _) = control
        .create_key(&by(), new_key("shop", KeyKind::Browser))
        .await
        .unwrap();
    let ada = user(&control, "ada@example.org", false).await;
    control
        .set_role(&by(), &id("shop"), ada.id, Some(Role::Admin))
        .await
        .unwrap();
    control.delete_project(&by(), &id("shop")).await.unwrap();

    let gone = ControlError::NotFound("project");
    let directory = control.directory();
    assert!(directory.project("shop").is_none());
    assert!(directory.key_by_sha256(&key.sha256).is_none());
    assert_eq!(directory.user(ada.id).unwrap().role_in("shop"), None);
    assert_eq!(control.memberships_of(ada.id).await.unwrap(), []);
    assert_eq!(control.projects(None, page(1, 50)).await.unwrap().total, 1);
    assert_eq!(control.project(&id("shop")).await, Err(gone.clone()));
    assert_eq!(
        control.delete_project(&by(), &id("shop")).await,
        Err(gone.clone())
    );
    assert_eq!(
        control.update_project(&by(), project("shop")).await,
        Err(gone.clone())
    );
    let another = control
        .create_key(&by(), new_key("shop", KeyKind::Browser))
        .await
        .map(|_| ());
    assert_eq!(another, Err(gone.clone()));
    assert_eq!(
        control.revoke_key(&by(), &id("shop"), key.id).await.map(|_| ()),
        Err(gone)
    );
}

async fn an_update_of_what_others_have_changed_is_refused(place: Place) {
    let control = place.open().await;
    let seen = control.create_project(&by(), project("shop")).await.unwrap();
    control.update_project(&by(), seen.clone()).await.unwrap();
    assert_eq!(
        control.update_project(&by(), seen).await,
        Err(ControlError::Conflict { field: "revision" })
    );
    assert_eq!(
        control.update_project(&by(), project("nowhere")).await,
        Err(ControlError::NotFound("project"))
    );
}

async fn settings_outside_their_limits_are_refused(place: Place) {
    let control = place.open().await;
    let mut bad = project("shop");
    bad.settings.funnel_steps = vec![String::new()];
    let Err(ControlError::Invalid(faults)) = control.create_project(&by(), bad).await else {
        panic!("taken");
    };
    assert_eq!(faults[0].field, "settings.funnel_steps");
    assert!(control.project(&id("shop")).await.is_err());
}

async fn pages_cover_the_list_in_its_order(place: Place) {
    let control = place.open().await;
    // Not the order in which a language would sort them: the order of their bytes.
    let mut ids = vec!["a-b", "a_b", "aa", "ab", "a0", "b", "default"];
    for id in &ids[..6] {
        control.create_project(&by(), project(id)).await.unwrap();
    }
    ids.sort_unstable();
    let mut seen = Vec::new();
    for number in 1.. {
        let found = control.projects(None, page(number, 3)).await.unwrap();
        assert_eq!((found.total, found.total_pages, found.page), (7, 3, number));
        assert_eq!(found.has_prev, number > 1);
        seen.extend(found.items.into_iter().map(|project| project.id.to_string()));
        if !found.has_next {
            break;
        }
    }
    assert_eq!(seen, ids);
    let beyond = control.projects(None, page(9, 3)).await.unwrap();
    assert_eq!((beyond.items.len(), beyond.total, beyond.has_next), (0, 7, false));
    assert_eq!(
        control
            .projects(None, page(u32::MAX, 500))
            .await
            .unwrap()
            .items
            .len(),
        0
    );
}

async fn a_user_sees_the_projects_that_it_is_a_member_of(place: Place) {
    let control = place.open().await;
    for id in ["one", "two", "three"] {
        control.create_project(&by(), project(id)).await.unwrap();
    }
    let ada = user(&control, "ada@example.org", false).await;
    for project in ["one", "three"] {
        control
            .set_role(&by(), &id(project), ada.id, Some(Role::Viewer))
            .await
            .unwrap();
    }
    let found = control.projects(Some(ada.id), page(1, 50)).await.unwrap();
    let ids: Vec<_> = found.items.iter().map(|project| project.id.as_str()).collect();
    assert_eq!(ids, ["one", "three"]);
}
