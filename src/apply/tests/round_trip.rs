//! What is printed and applied changes nothing, whatever is there.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use super::super::{Format, apply, plan, print, read_text};
use super::{Path, SECRET, terms};
use crate::config::{ControlConfig, Secret};
use crate::control::{By, Control, Inventory};
use crate::domain::account::{
    Email, FunnelDefinition, GroupingRule, JwtIssuer, JwtKeys, Membership, Name, Origin, OverflowMode,
    PartialLimits, Project, ProjectId, ProjectSettings, QuotaOverride, QuotaTarget, Role, ScrubRule,
    ShareThreshold, Statistic, Threshold, Thresholds, TimeZoneName, User,
};
use crate::domain::beacon::Kind;

const PEM: &str = include_str!("../../../docs/apply-example.toml");

/// A public key that tokens could be checked with.
fn pem() -> String {
    let begin = PEM.find("-----BEGIN").unwrap();
    let end = PEM.rfind("-----\n").unwrap();
    PEM[begin..end].to_owned() + "-----\n"
}

fn name() -> impl Strategy<Value = Name> {
    "[^\\p{C} ][^\\p{C}]{0,20}".prop_filter_map("a name", |text| Name::parse("name", &text).ok())
}

/// A text that settings may hold: something, and no control characters.
fn text() -> impl Strategy<Value = String> {
    "[^\\p{Cc} ][^\\p{Cc}]{0,20}"
}

fn origin() -> impl Strategy<Value = Origin> {
    let origin = "(https?|app)://(\\*\\.)?[a-z]{1,8}\\.example(:[1-9][0-9]{0,3})?|\\*";
    origin.prop_map(|text: String| Origin::parse("o", &text).unwrap())
}

fn funnels() -> impl Strategy<Value = Vec<FunnelDefinition>> {
    let funnel = (name(), btree_set(text(), 2..5), 1_000..90_000_i64);
    btree_map("[a-z0-9_-]{1,9}", funnel, 0..3).prop_map(|funnels| {
        let funnels = funnels.into_iter();
        funnels
            .map(|(id, (name, steps, window_ms))| FunnelDefinition {
                id,
                name,
                steps: steps.into_iter().collect(),
                window_ms,
            })
            .collect()
    })
}

/// Numbers as people write them: with a few digits, which every reader gets right to the last bit.
fn number(range: std::ops::RangeInclusive<i32>) -> impl Strategy<Value = f64> {
    range.prop_map(|thousandths| f64::from(thousandths) / 1_000.0)
}

fn thresholds() -> impl Strategy<Value = Thresholds> {
    let share = (number(0..=500), number(500..=1_000));
    let share = share.prop_map(|(warning, critical)| ShareThreshold { warning, critical });
    let statistic = proptest::sample::select(Statistic::ALL.to_vec());
    let threshold = (statistic, number(0..=1_000_000), number(1_000_000..=i32::MAX));
    let threshold = threshold.prop_map(|(statistic, warning, critical)| Threshold {
        statistic,
        warning,
        critical,
    });
    (vec(threshold, 3), share).prop_map(|(of, error_share)| Thresholds {
        page_load_time: of[0],
        api_response_time: of[1],
        effect_processing_time: of[2],
        error_share,
    })
}

fn settings() -> impl Strategy<Value = ProjectSettings> {
    let grouping = ("(/[a-z*]{1,5}){1,3}", "/[a-z:]{1,8}");
    let grouping = grouping.prop_map(|(pattern, name)| GroupingRule { pattern, name });
    let scrub = ("[a-z]{1,5}[0-9]?\\+?", text());
    let scrub = scrub.prop_map(|(pattern, replacement)| ScrubRule { pattern, replacement });
    (
        vec(text(), 0..3),
        vec(text(), 0..3),
        vec(grouping, 0..3),
        vec(scrub, 0..3),
        any::<bool>(),
        funnels(),
        thresholds(),
    )
        .prop_map(
            |(funnel_steps, event_types, grouping_rules, scrub_rules, samples, funnels, thresholds)| {
                ProjectSettings {
                    funnels,
                    thresholds,
                    funnel_steps,
                    event_types,
                    grouping_rules,
                    scrub_rules,
                    overflow: if samples {
                        OverflowMode::Sample
                    } else {
                        OverflowMode::Refuse
                    },
                }
            },
        )
        .prop_filter("rules that can be used", |settings| {
            settings.faults().is_empty() && crate::ingest::rule_faults(settings).is_empty()
        })
}

fn target() -> impl Strategy<Value = QuotaTarget> {
    prop_oneof![
        Just(QuotaTarget::Project),
        Just(QuotaTarget::Endpoint(Kind::Funnel)),
        text().prop_map(QuotaTarget::Role),
        text().prop_map(QuotaTarget::User),
        any::<u128>().prop_map(|id| QuotaTarget::Key(Uuid::from_u128(id))),
    ]
}

fn limits() -> impl Strategy<Value = PartialLimits> {
    let limit = || option::of(any::<u32>());
    (limit(), limit(), limit(), any::<u32>()).prop_map(|(metrics, events, api, external)| PartialLimits {
        metrics_per_hour: metrics,
        events_per_hour: events,
        api_per_minute: api,
        external_per_minute: Some(external),
    })
}

fn keys() -> impl Strategy<Value = JwtKeys> {
    prop_oneof![
        Just(JwtKeys::Hs256 {
            secret: Secret::new(SECRET.to_owned())
        }),
        Just(JwtKeys::Rs256 {
            public_key_pem: pem()
        }),
        "https://[a-z]{1,9}/".prop_map(|url| JwtKeys::Jwks { url }),
    ]
}

/// What belongs to a project: issuers (of few names, so that some have the same), overrides, roles of users.
type Belongings = (
    Vec<(String, String, JwtKeys)>,
    Vec<(QuotaTarget, PartialLimits)>,
    Vec<(usize, Role)>,
);

fn belongings() -> impl Strategy<Value = Belongings> {
    let issuers = vec(("[ab]", "[^\\p{Cc}]{0,9}", keys()), 0..4);
    let overrides = vec((target(), limits()), 0..4);
    let role = prop_oneof![Just(Role::Viewer), Just(Role::Admin), Just(Role::Owner)];
    (issuers, overrides, vec((0..4_usize, role), 0..3))
}

fn users() -> impl Strategy<Value = Vec<User>> {
    let user = (name(), any::<bool>(), any::<bool>());
    btree_map("[a-z.+-]{1,8}@[a-z]{1,8}", user, 0..4).prop_map(|users| {
        let users = users.into_iter().zip(10_u128..);
        users
            .map(|((email, (name, is_instance_owner, is_disabled)), id)| User {
                id: Uuid::from_u128(id),
                email: Email::parse("email", &email).unwrap(),
                name,
                is_instance_owner,
                disabled_at_ms: is_disabled.then_some(5),
                created_at_ms: 0,
            })
            .collect()
    })
}

fn projects() -> impl Strategy<Value = Vec<(Project, Belongings)>> {
    let zones = prop_oneof![
        Just("UTC"),
        Just("Europe/Berlin"),
        Just("America/Argentina/Ushuaia")
    ];
    let of_one = (
        name(),
        zones,
        vec(origin(), 0..3),
        any::<bool>(),
        settings(),
        belongings(),
    );
    let ids = btree_set("[a-z0-9_-]{1,12}", 0..4).prop_map(|ids| ids.into_iter().collect::<Vec<String>>());
    (ids, vec(of_one, 4)).prop_map(|(ids, projects)| {
        let projects = ids.into_iter().zip(projects);
        projects
            .map(
                |(id, (name, zone, allowed_origins, allow_keyless, settings, belongings))| {
                    let project = Project {
                        time_zone: TimeZoneName::parse("time_zone", zone).unwrap(),
                        allowed_origins,
                        allow_keyless,
                        settings,
                        ..Project::new(ProjectId::parse("id", &id).unwrap(), name, 0)
                    };
                    (project, belongings)
                },
            )
            .collect()
    })
}

fn inventory() -> impl Strategy<Value = Inventory> {
    (users(), projects()).prop_map(|(users, projects)| {
        let mut there = Inventory {
            users,
            ..Inventory::default()
        };
        for (project, (issuers, overrides, roles)) in projects {
            let project_id = || project.id.clone();
            let ids = 1_000_u128..;
            there.issuers.extend(
                issuers
                    .into_iter()
                    .zip(ids)
                    .map(|((name, text, keys), id)| JwtIssuer {
                        id: Uuid::from_u128(id),
                        project_id: project_id(),
                        name: Name::parse("name", &name).unwrap(),
                        issuer: text.clone(),
                        audience: text,
                        keys,
                        created_at_ms: 0,
                    }),
            );
            for (target, limits) in overrides {
                let is_it = |one: &QuotaOverride| one.project_id == project.id && one.target == target;
                if !there.overrides.iter().any(is_it) {
                    there.overrides.push(QuotaOverride {
                        id: Uuid::from_u128(7),
                        project_id: project_id(),
                        target,
                        limits,
                        created_at_ms: 0,
                    });
                }
            }
            for (index, role) in roles {
                let Some(user) = there.users.get(index) else {
                    continue;
                };
                let is_it = |one: &Membership| one.project_id == project.id && one.user_id == user.id;
                if !there.memberships.iter().any(is_it) {
                    there.memberships.push(Membership {
                        user_id: user.id,
                        project_id: project_id(),
                        role,
                    });
                }
            }
            there.projects.push(project);
        }
        there
    })
}

/// Carries a plan out on an empty store, and gives what is there then.
fn on_an_empty_store(text: &str) -> (Inventory, Inventory) {
    let wanted = read_text("all.toml", Path::new("."), Format::Toml, text).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let control = Control::open(&ControlConfig::default(), folder.path())
            .await
            .unwrap();
        let before = control.inventory().await.unwrap();
        apply(&control, &By::command_line(), &wanted, terms(true))
            .await
            .unwrap();
        (before, control.inventory().await.unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_applied_is_there_and_is_not_to_be_done_again(mut there in inventory()) {
        // A secret is not printed, so an issuer with one cannot be made from what is.
        there.issuers.retain(|one| one.keys.algorithm() != "hs256");
        let text = print(&there).unwrap();
        let (before, after) = on_an_empty_store(&text);
        let wanted = read_text("all.toml", Path::new("."), Format::Toml, &text).unwrap();
        let again = plan(&wanted, &after, terms(true)).unwrap();
        prop_assert!(!again.has_changes(), "{again}\n{text}");
        let is_new = |id: &ProjectId| before.projects.iter().all(|project| project.id != *id);
        for project in there.projects.iter().filter(|project| is_new(&project.id)) {
            let found = after.projects.iter().find(|found| found.id == project.id).unwrap();
            prop_assert_eq!(&Project { created_at_ms: 0, ..found.clone() }, project);
        }
        prop_assert_eq!(after.users.len(), there.users.len());
        prop_assert_eq!(after.overrides.len(), there.overrides.len());
        prop_assert_eq!(after.issuers.len(), there.issuers.len());
        prop_assert_eq!(after.memberships.len(), there.memberships.len());
    }
}

proptest! {
    #[test]
    fn what_is_printed_and_applied_changes_nothing(there in inventory()) {
        let text = print(&there).unwrap();
        prop_assert!(!text.contains(SECRET));
        let wanted = read_text("all.toml", Path::new("."), Format::Toml, &text);
        let wanted = wanted.map_err(|faults| TestCaseError::fail(format!("{faults}\n{text}")))?;
        let plan = plan(&wanted, &there, terms(true));
        let plan = plan.map_err(|faults| TestCaseError::fail(format!("{faults}\n{text}")))?;
        prop_assert!(!plan.has_changes(), "{plan}\n{text}");
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,200}", lines in vec("[\\[\\]a-z.=\"{}:, \n]{0,20}", 0..20)) {
        for text in [text, lines.join("\n")] {
            for format in [Format::Toml, Format::Json] {
                let _ = read_text("x", Path::new("."), format, &text);
            }
        }
    }
}
