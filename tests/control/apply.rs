//! What files ask for, applied to both stores.

use std::path::Path;
use std::sync::LazyLock;

use fresnel::alerts::targets::Targets;
use fresnel::apply::{ApplyError, Format, Terms, apply, plan, print, read_text};
use fresnel::config::{Secret, VaultConfig};
use fresnel::control::{By, Control, ControlError, Edit};
use fresnel::domain::account::{JwtIssuer, JwtKeys, PartialLimits, QuotaTarget, Role};
use fresnel::domain::alert::Target;
use fresnel::vault::Vault;
use uuid::Uuid;

use super::place::{Place, on_both_stores};
use super::words::{by, email, id, name, page, project, user};

on_both_stores!(
    files_make_what_they_say_and_a_second_time_nothing,
    what_is_printed_and_applied_changes_nothing,
    each_change_has_its_audit_entry_and_all_are_one_transaction,
    what_one_change_refuses_undoes_all,
    only_what_is_asked_for_is_removed,
    rules_and_channels_are_what_files_say_and_secrets_stay_where_files_are_silent,
    plans_that_others_have_overtaken_are_made_anew,
    edits_of_an_older_revision_change_nothing,
);

const EXAMPLE: &str = include_str!("../../docs/apply-example.toml");

/// Every address may be called.
fn terms(prune: bool) -> Terms<'static> {
    Terms {
        prune,
        targets: targets(),
        refusal_of: &|_| None,
    }
}

/// The vault of all tests here.
fn targets() -> &'static Targets {
    static TARGETS: LazyLock<Targets> = LazyLock::new(|| {
        let key = Secret::new("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".to_owned());
        let config = VaultConfig {
            key,
            ..VaultConfig::default()
        };
        Targets::new(Vault::open(&config, Path::new(".")).unwrap())
    });
    &TARGETS
}

async fn applied(control: &Control, text: &str, prune: bool) -> Result<String, ApplyError> {
    let wanted = read_text("a.toml", Path::new("."), Format::Toml, text)?;
    let plan = apply(control, &By::command_line(), &wanted, terms(prune)).await?;
    Ok(plan.to_string())
}

async fn files_make_what_they_say_and_a_second_time_nothing(place: Place) {
    let (control, other) = (place.open().await, place.open().await);
    let first = applied(&control, EXAMPLE, false).await.unwrap();
    assert!(
        first.ends_with("8 to make, 0 to change, 0 to remove, 0 as they are."),
        "{first}"
    );
    let directory = control.directory();
    let shop = directory.project("shop").unwrap();
    assert_eq!(shop.project.settings.funnel_steps, ["voucher_entered", "paid"]);
    assert!(shop.project.allows_origin("https://eu.shop.example"));
    assert_eq!(shop.issuers.len(), 1);
    let ada = control
        .login_user(&email("ada@shop.example"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ada.password_hash, None);
    let in_directory = directory.user(ada.user.id).unwrap();
    assert_eq!(in_directory.role_in("shop"), Some(Role::Admin));

    let revision = directory.revision();
    let second = applied(&other, EXAMPLE, true).await.unwrap();
    assert!(
        second.ends_with("0 to make, 0 to change, 0 to remove, 8 as they are."),
        "{second}"
    );
    control.refresh().await.unwrap();
    assert_eq!(control.directory().revision(), revision);
}

async fn what_is_printed_and_applied_changes_nothing(place: Place) {
    let control = place.open().await;
    applied(&control, EXAMPLE, false).await.unwrap();
    user(&control, "owner@example.org", true).await;
    let secret = "0123456789abcdef0123456789abcdef";
    let issuer = JwtIssuer {
        id: Uuid::nil(),
        project_id: id("default"),
        name: name("shared"),
        issuer: String::new(),
        audience: String::new(),
        keys: JwtKeys::Hs256 {
            secret: Secret::new(secret.into()),
        },
        created_at_ms: 0,
    };
    control.create_issuer(&by(), issuer).await.unwrap();
    let there = control.inventory().await.unwrap();
    let text = print(&there).unwrap();
    assert!(!text.contains(secret), "{text}");
    let wanted = read_text("all.toml", Path::new("."), Format::Toml, &text).unwrap();
    let plan = plan(&wanted, &there, terms(true)).unwrap();
    assert!(!plan.has_changes(), "{plan}");
}

async fn each_change_has_its_audit_entry_and_all_are_one_transaction(place: Place) {
    let control = place.open().await;
    let before = control.directory().revision();
    let entries = place.number("SELECT count(*) FROM audit").await;
    applied(&control, EXAMPLE, false).await.unwrap();
    assert_eq!(control.directory().revision(), before + 1);
    assert_eq!(place.number("SELECT count(*) FROM audit").await, entries + 8);
    let by_us = "SELECT count(*) FROM audit WHERE actor_kind = 'command_line'";
    assert_eq!(place.number(by_us).await, 8);
}

async fn what_one_change_refuses_undoes_all(place: Place) {
    let control = place.open().await;
    let owner = user(&control, "owner@example.org", true).await;
    let text = "[[projects]]\nid = \"shop\"\nname = \"Shop\"\n\
                [[users]]\nemail = \"owner@example.org\"\nis_instance_owner = false\n";
    let refused = applied(&control, text, false).await;
    let no_owner = ControlError::Conflict {
        field: "is_instance_owner",
    };
    assert!(matches!(refused, Err(ApplyError::Control(error)) if error == no_owner));
    assert!(control.project(&id("shop")).await.is_err());
    assert!(control.user(owner.id).await.unwrap().is_instance_owner);
    // With another owner in the same file it can be done, whichever stands first.
    let text =
        format!("{text}[[users]]\nemail = \"a@example.org\"\nname = \"A\"\nis_instance_owner = true\n");
    applied(&control, &text, false).await.unwrap();
    assert!(!control.user(owner.id).await.unwrap().is_instance_owner);
}

async fn only_what_is_asked_for_is_removed(place: Place) {
    let control = place.open().await;
    applied(&control, EXAMPLE, false).await.unwrap();
    control.create_project(&by(), project("other")).await.unwrap();
    let limits = PartialLimits {
        api_per_minute: Some(1),
        ..PartialLimits::default()
    };
    let target = QuotaTarget::Role("beta".into());
    control
        .create_override(&by(), &id("other"), target, limits)
        .await
        .unwrap();
    let text = "[[projects]]\nid = \"shop\"\n[[projects.quotas]]\ntarget = { kind = \"project\" }\n\
                limits = { events_per_hour = 9 }\n";
    let kept = applied(&control, text, false).await.unwrap();
    assert!(kept.contains("metrics_per_hour: 300 -> null"), "{kept}");
    assert!(
        kept.ends_with("0 to make, 1 to change, 0 to remove, 1 as they are."),
        "{kept}"
    );
    let pruned = applied(&control, text, true).await.unwrap();
    assert!(
        pruned.ends_with("0 to make, 0 to change, 2 to remove, 2 as they are."),
        "{pruned}"
    );
    let there = control.inventory().await.unwrap();
    assert_eq!((there.overrides.len(), there.issuers.len()), (2, 0));
    assert_eq!((there.users.len(), there.memberships.len()), (1, 1));
    assert_eq!(control.projects(None, page(1, 50)).await.unwrap().total, 3);
}

async fn plans_that_others_have_overtaken_are_made_anew(place: Place) {
    let nodes = [place.open().await, place.open().await];
    let file = |number: usize| {
        format!(
            "[[projects]]\nid = \"shop-{number}\"\nname = \"Shop\"\n\
             [[projects]]\nid = \"default\"\n[[projects.quotas]]\n\
             target = {{ kind = \"user\", id = \"{number}\" }}\nlimits = {{ api_per_minute = 1 }}\n"
        )
    };
    let files: Vec<_> = (0..6).map(file).collect();
    let all = files
        .iter()
        .enumerate()
        .map(|(number, text)| applied(&nodes[number % 2], text, false));
    for outcome in futures_util::future::join_all(all).await {
        outcome.unwrap();
    }
    let there = nodes[0].inventory().await.unwrap();
    assert_eq!((there.projects.len(), there.overrides.len()), (7, 6));
}

async fn edits_of_an_older_revision_change_nothing(place: Place) {
    let control = place.open().await;
    let seen = control.inventory().await.unwrap().revision;
    control.create_project(&by(), project("other")).await.unwrap();
    let edits = vec![Edit::CreateProject(project("shop"))];
    let refused = control.make_all(&by(), seen, edits).await;
    assert_eq!(refused, Err(ControlError::Conflict { field: "revision" }));
    assert!(control.project(&id("shop")).await.is_err());
    assert_eq!(place.number("SELECT count(*) FROM audit").await, 2);
}

async fn rules_and_channels_are_what_files_say_and_secrets_stay_where_files_are_silent(place: Place) {
    let control = place.open().await;
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let shop = |channel: &str| {
        format!(
            "[[projects]]\nid = \"shop\"\nname = \"Shop\"\n\
             [[projects.rules]]\nname = \"Slow checkout\"\nfor_ms = 60000\nthresholds = {{ error = 2000 }}\n\
             watch = {{ kind = \"metric\", type = \"api_response_time\", aggregate = \"p95\", group_by = [\"api_endpoint\"] }}\n\
             [[projects.channels]]\nname = \"Ops\"\nlevel_min = \"error\"\n{channel}\n"
        )
    };
    let first =
        format!("target = {{ kind = \"webhook\", url = \"https://ops.example/a\", secret = \"{secret}\" }}");
    let told = applied(&control, &shop(&first), false).await.unwrap();
    assert!(told.contains("3 to make, 0 to change"), "{told}");
    assert!(!told.contains(secret) && !told.contains("ops.example"), "{told}");
    let channel = || async {
        let there = control.inventory().await.unwrap();
        assert_eq!((there.rules.len(), there.channels.len()), (1, 1));
        targets().open(&there.channels[0]).unwrap()
    };
    let made = channel().await;
    // The evaluator goes by it at once.
    let book = control.alert_book().borrow().clone();
    assert!(
        book.rules
            .values()
            .any(|rule| rule.definition.name.as_str() == "Slow checkout")
    );
    // The same again, with the secret and without it, and without the target, is nothing.
    let without = "target = { kind = \"webhook\", url = \"https://ops.example/a\" }";
    for same in [first.as_str(), without, ""] {
        let told = applied(&control, &shop(same), true).await.unwrap();
        assert!(
            told.contains("0 to make, 0 to change, 0 to remove, 3 as they are"),
            "{told}"
        );
    }
    let printed = print(&control.inventory().await.unwrap()).unwrap();
    assert!(
        !printed.contains(secret) && !printed.contains("ops.example"),
        "{printed}"
    );
    let told = applied(&control, &printed, true).await.unwrap();
    assert!(told.contains("0 to make, 0 to change, 0 to remove"), "{told}");
    // Another address keeps the secret.
    let moved = "target = { kind = \"webhook\", url = \"https://ops.example/b\" }";
    let told = applied(&control, &shop(moved), false).await.unwrap();
    assert!(
        told.contains("    target: another") && told.contains("1 to change"),
        "{told}"
    );
    let after = channel().await;
    let (Target::Webhook { secrets: before, .. }, Target::Webhook { secrets: after, url }) =
        (made.target, after.target)
    else {
        panic!("a webhook")
    };
    assert_eq!((before, url.reveal()), (after, "https://ops.example/b"));
    // Pruned is what files do not name where they name anything of the kind.
    let other = shop(moved).replace("Slow checkout", "Slower checkout");
    let told = applied(&control, &other, true).await.unwrap();
    assert!(
        told.contains("- rule shop Slow checkout") && told.contains("+ rule shop Slower checkout"),
        "{told}"
    );
    let none = "[[projects]]\nid = \"shop\"\n";
    let told = applied(&control, none, true).await.unwrap();
    assert!(told.contains("0 to remove"), "{told}");
}
