use std::collections::BTreeMap;
use std::io::Write;

use tempfile::NamedTempFile;
use toml::{Table, Value};

use super::{Config, Durability, LogFormat};

const SECRET: &str = "a-secret-of-24-characters";

fn environment(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let file = file(text);
    Config::load(Some(file.path()), environment(variables)).map_err(|error| error.to_string())
}

/// What the start says of bad settings.
fn refusal(text: &str, variables: &[(&str, &str)]) -> String {
    load(text, variables).expect_err("these settings are bad")
}

#[test]
fn without_file_and_variables_the_defaults_hold() {
    let config = Config::load(None, environment(&[("PATH", "/bin"), ("LANG", "C")])).unwrap();
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

#[test]
fn the_environment_wins_over_the_file() {
    let config = load(
        "data_dir = 'from-file'\n[wal]\ndurability = 'os'\ngrace_ms = 7\n",
        &[
            ("FRESNEL_WAL__DURABILITY", "memory"),
            ("FRESNEL_DATA_DIR", "from-environment"),
        ],
    )
    .unwrap();
    assert_eq!(config.wal.durability, Durability::Memory);
    assert_eq!(config.data_dir.to_str(), Some("from-environment"));
    assert_eq!(
        config.wal.grace_ms, 7,
        "what the environment leaves alone stays as in the file"
    );
}

#[test]
fn every_type_of_setting_can_be_set_by_a_variable() {
    let config = load(
        "",
        &[
            ("FRESNEL_SERVER__LISTEN", "0.0.0.0:9"),
            ("FRESNEL_SERVER__WORKERS", " 3 "),
            ("FRESNEL_INGEST__EVENT_TYPES", "coupon_used, plan_changed,"),
            ("FRESNEL_LOG__FORMAT", "json"),
            ("FRESNEL_BOOTSTRAP__INGEST_KEY", SECRET),
        ],
    )
    .unwrap();
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:9");
    assert_eq!(config.server.workers, 3);
    assert_eq!(config.ingest.event_types, ["coupon_used", "plan_changed"]);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.bootstrap.ingest_key.reveal(), SECRET);
}

#[test]
fn an_unknown_setting_in_the_file_is_refused_with_its_line() {
    let message = refusal("data_dir = 'd'\n\n[wal]\nmax_byte = 1\n", &[]);
    assert!(message.contains("line 4"), "{message}");
    assert!(message.contains("max_byte"), "{message}");
}

#[test]
fn an_unknown_section_in_the_file_is_refused_with_its_line() {
    let message = refusal("\n[wall]\nmax_bytes = 1\n", &[]);
    assert!(
        message.contains("line 2") && message.contains("wall"),
        "{message}"
    );
}

#[test]
fn a_value_of_the_wrong_type_in_the_file_is_refused_with_its_line() {
    let message = refusal("[flush]\nmax_wait_ms = 'soon'\n", &[]);
    assert!(
        message.contains("line 2") && message.contains("max_wait_ms"),
        "{message}"
    );
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_line() {
    let message = refusal("data_dir = 'd'\nlisten\n", &[]);
    assert!(message.contains("line 2"), "{message}");
}

#[test]
fn a_missing_file_is_refused_by_name() {
    let error = Config::load(Some("/nowhere/fresnel.toml".as_ref()), environment(&[])).unwrap_err();
    assert!(error.to_string().contains("/nowhere/fresnel.toml"), "{error}");
}

#[test]
fn an_unknown_variable_is_refused_by_name() {
    for variable in [
        "FRESNEL_WAL__MAX_BYTE",
        "FRESNEL_LISTEN",
        "FRESNEL_WAL",
        "FRESNEL_",
        "FRESNEL_DATA_DIR__X",
    ] {
        let message = refusal("", &[(variable, "1")]);
        assert!(message.contains(variable), "{variable}: {message}");
    }
}

#[test]
fn a_bad_value_in_a_variable_is_refused_by_name() {
    for (variable, value) in [
        ("FRESNEL_SERVER__LISTEN", "localhost"),
        ("FRESNEL_SERVER__WORKERS", "two"),
        ("FRESNEL_SERVER__WORKERS", "-1"),
        ("FRESNEL_WAL__DURABILITY", "sync"),
        ("FRESNEL_FLUSH__MAX_ROWS", "4294967296"),
        ("FRESNEL_LOG__FORMAT", "xml"),
    ] {
        let message = refusal("", &[(variable, value)]);
        assert!(message.contains(variable), "{variable}={value}: {message}");
    }
}

#[test]
fn a_value_out_of_its_range_is_refused_with_setting_and_variable() {
    for (variable, value, setting) in [
        ("FRESNEL_FLUSH__MAX_ROWS", "0", "flush.max_rows"),
        ("FRESNEL_FLUSH__MAX_WAIT_MS", "60001", "flush.max_wait_ms"),
        ("FRESNEL_WAL__MAX_BYTES", "1000", "wal.max_bytes"),
        ("FRESNEL_INGEST__DEPTH_MAX", "1", "ingest.depth_max"),
        ("FRESNEL_ENGINE__NICENESS", "20", "engine.niceness"),
        (
            "FRESNEL_WAREHOUSE__RAW_RETENTION_DAYS",
            "0",
            "warehouse.raw_retention_days",
        ),
        (
            "FRESNEL_WAREHOUSE__HOUR_RETENTION_DAYS",
            "36500",
            "warehouse.hour_retention_days",
        ),
        ("FRESNEL_BOOTSTRAP__ADMIN_TOKEN", "short", "bootstrap.admin_token"),
        ("FRESNEL_VAULT__KEY", "c2hvcnQ=", "vault.key"),
        ("FRESNEL_VAULT__PREVIOUS_KEYS", "c2hvcnQ=", "vault.previous_keys"),
        ("FRESNEL_SMTP__TIMEOUT_MS", "1", "smtp.timeout_ms"),
    ] {
        let message = refusal("", &[(variable, value)]);
        assert!(
            message.contains(setting) && message.contains(variable),
            "{message}"
        );
    }
}

#[test]
fn no_secret_stands_in_debug_output_or_in_printed_settings() {
    let config = load(
        &format!("[warehouse]\npassword = '{SECRET}'\n"),
        &[
            ("FRESNEL_BOOTSTRAP__INGEST_KEY", SECRET),
            ("FRESNEL_BOOTSTRAP__ADMIN_TOKEN", SECRET),
        ],
    )
    .unwrap();
    assert_eq!(config.warehouse.password.reveal(), SECRET);
    let shown = format!("{config:?}{}", toml::to_string(&config).unwrap());
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(
        shown.contains("(set)"),
        "whether a secret is set can be seen: {shown}"
    );
}

#[test]
fn no_secret_stands_in_the_message_about_a_bad_one() {
    let message = refusal("", &[("FRESNEL_BOOTSTRAP__INGEST_KEY", "hunter2")]);
    assert!(!message.contains("hunter2"), "{message}");
    for line in [
        "password = ['hunter2']",
        "passwort = 'hunter2'",
        "password = 'hunter2",
    ] {
        let message = refusal(&format!("[warehouse]\n{line}\n"), &[]);
        assert!(message.contains("line 2"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

/// One row of the tables in `docs/configuration.md`.
#[derive(Debug, PartialEq)]
struct Row {
    variable: String,
    default: String,
}

/// Every setting with its variable and its default, as the code has them.
fn settings() -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    let mut add = |setting: String, value: &Value| {
        let row = Row {
            variable: format!("FRESNEL_{}", setting.to_uppercase().replace('.', "__")),
            default: match value {
                Value::String(text) if text.is_empty() => "(empty)".to_owned(),
                Value::String(text) => text.clone(),
                Value::Array(items) if items.is_empty() => "(empty)".to_owned(),
                Value::Array(items) => {
                    let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                    let texts: Vec<_> = items.iter().map(text).collect();
                    texts.join(",")
                }
                other => other.to_string(),
            },
        };
        rows.insert(setting, row);
    };
    for (name, value) in Table::try_from(Config::default()).unwrap() {
        match value {
            Value::Table(section) => section
                .iter()
                .for_each(|(field, value)| add(format!("{name}.{field}"), value)),
            value => add(name, &value),
        }
    }
    rows
}

/// The same, as the page has them.
fn documented_settings() -> BTreeMap<String, Row> {
    let page = include_str!("../../docs/configuration.md");
    page.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let mut cells = line
                .split('|')
                .skip(1)
                .map(|cell| cell.trim().trim_matches('`').to_owned());
            let setting = cells.next().unwrap();
            let row = Row {
                variable: cells.next().unwrap(),
                default: cells.next().unwrap(),
            };
            let meaning = cells.next().unwrap();
            assert!(
                meaning.ends_with('.'),
                "{setting} has a meaning, in a sentence: {meaning}"
            );
            (setting, row)
        })
        .collect()
}

#[test]
fn every_setting_is_documented_with_its_variable_and_default() {
    let (settings, documented) = (settings(), documented_settings());
    for (setting, row) in &settings {
        assert_eq!(
            documented.get(setting),
            Some(row),
            "docs/configuration.md on `{setting}`"
        );
    }
    for setting in documented.keys() {
        assert!(
            settings.contains_key(setting),
            "docs/configuration.md tells of `{setting}`, which is no setting"
        );
    }
}

#[test]
fn a_pattern_that_is_none_is_named_with_its_setting() {
    let variable = ("FRESNEL_SCRUB__PATTERNS".to_owned(), "a+,b(".to_owned());
    let error = Config::load(None, [variable]).unwrap_err().to_string();
    assert!(
        error.contains("scrub.patterns") && error.contains("b("),
        "{error}"
    );
}
