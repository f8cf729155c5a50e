//! Files and plans, without a store.

mod round_trip;
mod watching;

use std::path::Path;
use std::sync::LazyLock;

use super::{Format, Terms, Wanted, plan, read_text};
use crate::alerts::targets::Targets;
use crate::config::{Secret, VaultConfig};
use crate::control::Inventory;
use crate::domain::account::{JwtIssuer, JwtKeys, Name, Project, ProjectId};
use crate::vault::Vault;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

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

fn toml(text: &str) -> Result<Wanted, String> {
    read_text("a.toml", Path::new("."), Format::Toml, text).map_err(|faults| faults.to_string())
}

fn json(text: &str) -> Result<Wanted, String> {
    read_text("a.json", Path::new("."), Format::Json, text).map_err(|faults| faults.to_string())
}

fn planned(text: &str, there: &Inventory, prune: bool) -> Result<String, String> {
    let plan = plan(&toml(text)?, there, terms(prune)).map_err(|faults| faults.to_string())?;
    let told = plan.to_string();
    let is_told = told.lines().any(|line| line.starts_with(['+', '~', '-']));
    assert_eq!(plan.has_changes(), is_told, "{plan}");
    Ok(told)
}

fn project(id: &str) -> Project {
    Project::new(
        ProjectId::parse("id", id).unwrap(),
        Name::parse("name", id).unwrap(),
        0,
    )
}

fn with_project(id: &str) -> Inventory {
    Inventory {
        projects: vec![project(id)],
        ..Inventory::default()
    }
}

#[test]
fn the_example_reads_and_makes_what_it_says() {
    let text = include_str!("../../docs/apply-example.toml");
    let plan = planned(text, &Inventory::default(), true).unwrap();
    let lines: Vec<_> = plan.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        lines,
        [
            "+ user ada@shop.example",
            "+ project shop",
            "+ quota shop project",
            "+ quota shop user load-test",
            "+ issuer shop sign-in",
            "+ rule shop Slow checkout",
            "+ channel shop Ops chat",
            "+ member shop ada@shop.example",
            "8 to make, 0 to change, 0 to remove, 0 as they are."
        ]
    );
}

#[test]
fn all_faults_are_told_at_once_with_file_line_and_field() {
    let faults = toml(
        r#"# A comment.
[[projects]]
id = "Shop"
name = 7

[[projects]]
id = "shop"
nmae = "Shop"
time_zone = "Europe/Atlantis"
allowed_origins = ["https://a.example", "nowhere"]
[projects.settings]
funnel_steps = [""]
scrub_rules = [{ pattern = "(", replacement = "" }]
overflow = "lose"
[[projects.quotas]]
target = { kind = "user" }
limits = { metrics_per_hour = -1 }
[[projects.quotas]]
limits = {}
[[projects.issuers]]
name = "x"
algorithm = "hs256"
secret = "short"
[[projects.members]]
email = "ada"
role = "king"
[[rules]]
id = "slow"
"#,
    )
    .unwrap_err();
    let wanted = [
        "a.toml:3: projects.0.id: must be 1 to 64 of the characters a-z, 0-9, _ and -",
        "a.toml:4: projects.0.name: must be a text",
        "a.toml:9: projects.1.time_zone: must be the IANA name",
        "a.toml:10: projects.1.allowed_origins.1: must be an origin",
        "a.toml:14: projects.1.settings.overflow: must be refuse or sample",
        "a.toml:16: projects.1.quotas.0.target.id: must have 1 to 200",
        "a.toml:17: projects.1.quotas.0.limits.metrics_per_hour: must be a whole number",
        "a.toml:17: projects.1.quotas.0.limits: must name at least one limit",
        "a.toml:18: projects.1.quotas.1.target: is required",
        "a.toml:19: projects.1.quotas.1.limits: must name at least one limit",
        "a.toml:20: projects.1.issuers.0.secret: must have 32 to 500 bytes",
        "a.toml:25: projects.1.members.0.email: must be an e-mail address",
        "a.toml:26: projects.1.members.0.role: must be viewer, admin or owner",
        "a.toml:8: projects.1.nmae: is not known here; there are: id, name, time_zone",
        "a.toml:12: projects.1.settings.funnel_steps: each must have",
        "a.toml:27: rules: is not known here; there are: users, projects",
    ];
    let found: Vec<_> = faults.lines().collect();
    assert_eq!(found.len(), wanted.len(), "{faults}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.starts_with(wanted), "{found}\n{wanted}");
    }
    assert!(!faults.contains("short") && !faults.contains("Atlantis"));
}

#[test]
fn json_says_the_same_and_knows_its_lines_too() {
    let text = r#"{
  "users": [{"email": "ada@shop.example", "name": "Ada", "is_disabled": null}],
  "projects": [
    {
      "id": "shop",
      "name": "Shop",
      "quotas": [{"target": {"kind": "project"}, "limits": {"events_per_hour": 5}}]
    }
  ]
}"#;
    let wanted = json(text).unwrap();
    assert_eq!((wanted.users.len(), wanted.projects.len()), (1, 1));
    for (before, after, fault) in [
        ("\"Shop\"", "7", "a.json:6: projects.0.name: must be a text"),
        (
            "\"quotas\"",
            "\"qoutas\"",
            "a.json:7: projects.0.qoutas: is not known",
        ),
        ("\"users\"", "\"rules\"", "a.json:2: rules: is not known here"),
        (
            "\"name\": \"Shop\"",
            "\"id\": \"s\"",
            "a.json:6: the field `id` stands twice",
        ),
        (
            "5}}",
            "5.5}}",
            "a.json:7: projects.0.quotas.0.limits.events_per_hour: must be a whole",
        ),
        ("  ]\n", "", "a.json:9: "),
    ] {
        let faults = json(&text.replace(before, after)).unwrap_err();
        assert!(faults.starts_with(fault), "{faults}\n{fault}");
    }
    for text in ["", "[]", "7", "{\"projects\": {}}", &"[".repeat(100_000)] {
        assert!(json(text).is_err());
    }
}

#[test]
fn a_field_is_said_once_in_whichever_file() {
    let (mut wanted, notes) = (Wanted::default(), super::Notes::default());
    for (file, text) in [
        (
            "a.toml",
            "[[projects]]\nid = \"shop\"\nname = \"Shop\"\n[[projects.quotas]]\n\
                    target = { kind = \"project\" }\nlimits = { api_per_minute = 5 }",
        ),
        (
            "b.toml",
            "[[projects]]\nid = \"shop\"\nallow_keyless = true\nname = \"Other\"\n[[projects.quotas]]\n\
                    target = { kind = \"project\" }\nlimits = { api_per_minute = 6 }\n\
                    [[projects.quotas]]\ntarget = { kind = \"role\", id = \"beta\" }\nlimits = { api_per_minute = 7 }",
        ),
    ] {
        super::read::read_text(
            &mut wanted,
            &notes,
            &file.into(),
            Path::new("."),
            Format::Toml,
            text,
        );
    }
    let shop = &wanted.projects[&ProjectId::parse("id", "shop").unwrap()];
    assert_eq!((shop.quotas.len(), shop.allow_keyless.is_some()), (2, true));
    let faults = notes.finish(()).unwrap_err().to_string();
    assert_eq!(
        faults.lines().collect::<Vec<_>>(),
        [
            "b.toml:4: projects.0.name: stands already in a.toml:3",
            "b.toml:5: projects.0.quotas.0: this target stands already in a.toml:4",
        ]
    );
}

#[test]
fn what_is_left_out_stays_and_what_is_said_is_set() {
    let mut there = with_project("shop");
    there.projects[0].settings.funnel_steps = vec!["paid".into()];
    let file = |fields: &str| format!("[[projects]]\nid = \"shop\"\n{fields}");
    let same = planned(&file(""), &there, true).unwrap();
    assert!(same.starts_with("= project shop\n"), "{same}");
    let changed = planned(
        &file("name = \"Shop\"\nsettings = { event_types = [\"x\"] }"),
        &there,
        true,
    );
    assert_eq!(
        changed.unwrap(),
        "~ project shop\n    name: \"shop\" -> \"Shop\"\n    settings.event_types: [] -> [\"x\"]\n\
         0 to make, 1 to change, 0 to remove, 0 as they are."
    );
    let emptied = planned(&file("settings = { funnel_steps = [] }"), &there, true).unwrap();
    assert!(
        emptied.contains("settings.funnel_steps: [\"paid\"] -> []"),
        "{emptied}"
    );
}

#[test]
fn what_cannot_be_given_what_is_there_is_told_at_once_too() {
    let mut there = with_project("shop");
    there.deleted_projects = vec![ProjectId::parse("id", "gone").unwrap()];
    let faults = planned(
        r#"[[users]]
email = "new@shop.example"
[[users]]
email = "admin@localhost"
name = "Admin"
[[projects]]
id = "gone"
name = "Gone"
[[projects]]
id = "new"
[[projects]]
id = "shop"
[[projects.issuers]]
name = "x"
algorithm = "hs256"
[[projects.members]]
email = "nobody@shop.example"
role = "viewer"
"#,
        &there,
        false,
    )
    .unwrap_err();
    let mut found: Vec<_> = faults.lines().collect();
    found.sort_unstable();
    let wanted = [
        "a.toml:13: projects.2.issuers.0.secret: is required: there is no secret yet",
        "a.toml:18: projects.2.members.0.role: there is no user of this address",
        "a.toml:1: users.0.name: is required for what is not there yet",
        "a.toml:3: users.1: is made by the first start",
        "a.toml:6: projects.0.id: is the id of a deleted project",
        "a.toml:9: projects.1.name: is required for what is not there yet",
    ];
    assert_eq!(found.len(), wanted.len(), "{faults}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.starts_with(wanted), "{found}\n{wanted}");
    }
}

#[test]
fn a_secret_stays_unless_another_is_given_and_is_never_shown() {
    let mut there = with_project("shop");
    there.issuers.push(JwtIssuer {
        id: uuid::Uuid::from_u128(1),
        project_id: there.projects[0].id.clone(),
        name: Name::parse("name", "sign-in").unwrap(),
        issuer: String::new(),
        audience: String::new(),
        keys: JwtKeys::Hs256 {
            secret: Secret::new(SECRET.to_owned()),
        },
        created_at_ms: 0,
    });
    let file = |fields: &str| {
        format!(
            "[[projects]]\nid = \"shop\"\n[[projects.issuers]]\nname = \"sign-in\"\nalgorithm = \"hs256\"\n{fields}"
        )
    };
    let other = SECRET.replace('0', "x");
    for (fields, mark) in [
        (String::new(), '='),
        (format!("secret = \"{SECRET}\""), '='),
        (format!("secret = \"{other}\""), '~'),
        ("audience = \"fresnel\"".to_owned(), '~'),
    ] {
        let text = planned(&file(&fields), &there, false).unwrap();
        assert!(text.contains(&format!("{mark} issuer shop sign-in")), "{text}");
        assert!(!text.contains(SECRET) && !text.contains(&other), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), format!("{other}\n")).unwrap();
    let read = |path: &str| {
        let text = file(&format!("secret_file = \"{path}\""));
        read_text("a.toml", folder.path(), Format::Toml, &text)
    };
    let plan = plan(&read("secret").unwrap(), &there, terms(false)).unwrap();
    assert!(plan.to_string().contains("secret: another"), "{plan}");
    let missing = read("nowhere").unwrap_err().to_string();
    assert!(
        missing.starts_with("a.toml:6: projects.0.issuers.0.secret_file: the file cannot be read"),
        "{missing}"
    );
}

#[test]
fn a_file_of_a_folder_is_read_in_the_order_of_names_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let paths = [folder.path().to_owned()];
    let empty = super::read(&paths).unwrap_err().to_string();
    assert!(empty.ends_with("holds no .toml and no .json file"), "{empty}");
    write("b.json", r#"{"projects": [{"id": "b", "name": 1}]}"#);
    write("a.toml", "[[projects]]\nid = \"a\"\nname = 2");
    write(".hidden.toml", "x");
    write("notes.md", "x");
    let faults = super::read(&paths).unwrap_err().to_string();
    let places: Vec<_> = faults
        .lines()
        .filter_map(|line| line.split("name: ").next())
        .collect();
    assert_eq!(places.len(), 2, "{faults}");
    assert!(
        places[0].contains("a.toml:3:") && places[1].contains("b.json:1:"),
        "{faults}"
    );
    let odd = super::read(&[folder.path().join("notes.md"), folder.path().join("nowhere.toml")]);
    assert_eq!(odd.unwrap_err().to_string().lines().count(), 2);
}

#[test]
fn addresses_that_would_not_be_called_are_refused_where_they_are_new() {
    let text = "[[projects]]\nid = \"shop\"\n[[projects.issuers]]\nname = \"idp\"\nalgorithm = \"jwks\"\n\
                url = \"https://10.0.0.1/jwks.json\"\n";
    let strict = Terms {
        prune: true,
        targets: targets(),
        refusal_of: &|url| url.contains("//10.").then(|| "is private".to_owned()),
    };
    let wanted = toml(text).unwrap();
    let mut there = with_project("shop");
    let faults = plan(&wanted, &there, strict).unwrap_err().to_string();
    assert_eq!(faults, "a.toml:3: projects.0.issuers.0.url: is private");
    there.issuers.push(JwtIssuer {
        id: uuid::Uuid::from_u128(1),
        project_id: there.projects[0].id.clone(),
        name: Name::parse("name", "idp").unwrap(),
        issuer: String::new(),
        audience: String::new(),
        keys: JwtKeys::Jwks {
            url: "https://10.0.0.1/jwks.json".to_owned(),
        },
        created_at_ms: 0,
    });
    assert!(!plan(&wanted, &there, strict).unwrap().has_changes());
}
