//! `fresnel keys`: API keys at the command line, beside a running service.
//!
//! It works on the control store itself, so it needs no address and no token, but the rights to the data folder (or
//! to Postgres). A running service acts on a change within about a second.

use std::fmt::Write;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::store::{self, StoreError};
use crate::clock;
use crate::config::Config;
use crate::control::{By, Control, NewKey};
use crate::domain::account::{ApiKey, KeyKind, Name, ProjectId, Scope, Scopes};
use crate::domain::page::PageRequest;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What is asked of `fresnel keys`.
#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// List the keys of a project, revoked ones too.
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Make a key, and show it this once.
    Create {
        /// What it is for: `browser` (public, only posts), `server` (secret, has scopes) or `read` (secret, only looks).
        #[arg(long, value_parser = kind)]
        kind: KeyKind,
        /// Name for people.
        #[arg(long, value_parser = name)]
        name: Name,
        /// What a server key may do: `ingest`, `read`, `manage`, `relay`, `import`; may be repeated. `ingest` when left out.
        #[arg(long = "scope", value_parser = scope)]
        scopes: Vec<Scope>,
        /// Days after which it is refused; left out: never.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        expires_in_days: Option<u32>,
        #[command(flatten)]
        common: Common,
    },
    /// Revoke a key for ever.
    Revoke {
        /// The key's id, as `list` shows it.
        id: Uuid,
        #[command(flatten)]
        common: Common,
    },
}

/// What every command of `fresnel keys` takes.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// The project.
    #[arg(long, default_value = ProjectId::DEFAULT, value_parser = project)]
    project: ProjectId,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Does what is asked; the answer is the text to show.
pub(super) async fn run(command: KeysCommand, config: &Config) -> Result<String, StoreError> {
    let control = store::open(config, matches!(command, KeysCommand::Create { .. })).await?;
    match command {
        KeysCommand::List { common } => list(&control, &common).await,
        KeysCommand::Create {
            kind,
            name,
            scopes,
            expires_in_days,
            common,
        } => {
            let expires_at_ms =
                expires_in_days.map(|days| clock::now().as_millis() + i64::from(days) * DAY_MS);
            let new = NewKey {
                project_id: common.project,
                kind,
                name,
                scopes: (!scopes.is_empty()).then(|| Scopes::of(&scopes)),
                expires_at_ms,
            };
            let (key, secret) = control.create_key(&By::command_line(), new).await?;
            Ok(if common.json {
                to_json(&json!({ "key": key, "secret": secret.reveal() }))
            } else {
                format!(
                    "{}\nThis is the {kind} key {} of the project {}. It is shown this once: keep it.",
                    secret.reveal(),
                    key.id,
                    key.project_id,
                    kind = kind.as_str(),
                )
            })
        }
        KeysCommand::Revoke { id, common } => {
            let key = control
                .revoke_key(&By::command_line(), &common.project, id)
                .await?;
            Ok(if common.json {
                to_json(&key)
            } else {
                format!("The key {} ({}) is revoked.", key.id, key.name)
            })
        }
    }
}

async fn list(control: &Control, common: &Common) -> Result<String, StoreError> {
    control.project(&common.project).await?;
    let mut keys = Vec::new();
    let mut number = 1;
    loop {
        let request = PageRequest::new(number, PageRequest::SIZE_MAX);
        let page = control.keys(&common.project, request).await?;
        keys.extend(page.items);
        if !page.has_next {
            break;
        }
        number += 1;
    }
    if common.json {
        return Ok(to_json(&keys));
    }
    if keys.is_empty() {
        return Ok(format!("The project {} has no keys.", common.project));
    }
    let now_ms = clock::now().as_millis();
    let mut text = format!(
        "{:36}  {:7}  {:9}  {:8}  {}\n",
        "id", "kind", "begins", "state", "name"
    );
    for key in &keys {
        let (kind, state) = (key.kind.as_str(), state(key, now_ms));
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{}  {kind:7}  {:9}  {state:8}  {}",
            key.id, key.shown, key.name
        );
    }
    Ok(text)
}

fn state(key: &ApiKey, now_ms: i64) -> &'static str {
    if key.revoked_at_ms.is_some() {
        "revoked"
    } else if key.is_live(now_ms) {
        "valid"
    } else {
        "expired"
    }
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn kind(text: &str) -> Result<KeyKind, String> {
    KeyKind::from_name(text).ok_or_else(|| "must be browser, server or read".to_owned())
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::from_name(text).ok_or_else(|| "must be ingest, read, manage, relay or import".to_owned())
}

fn name(text: &str) -> Result<Name, String> {
    Name::parse("name", text).map_err(|fault| fault.message.into_owned())
}

fn project(text: &str) -> Result<ProjectId, String> {
    ProjectId::parse("project", text).map_err(|fault| fault.message.into_owned())
}
