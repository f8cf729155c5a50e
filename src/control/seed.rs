//! The first credentials: the ingest key and the admin token of the start are keys of the store like others.

use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use super::statement::{Statement, Step};
use super::{By, Control, ControlError, keys, rows};
use crate::clock;
use crate::config::Secret;
use crate::domain::account::{ApiKey, KeyKind, Name, ProjectId, Scope, Scopes, Sha256Sum, sha256, shown};

/// The user as whom the admin token acts: an instance owner, without a password until one is set.
pub const BOOTSTRAP_USER_ID: Uuid = Uuid::from_u128(1);
/// The address of that user.
pub const BOOTSTRAP_USER_EMAIL: &str = "admin@localhost";

/// A credential of the start.
#[derive(Clone, Debug)]
pub struct Seed {
    sha256: Sha256Sum,
    shown: String,
    is_preset: bool,
}

impl Seed {
    /// A credential that is known; `is_preset` when it comes from the settings.
    #[must_use]
    pub fn known(secret: &Secret, is_preset: bool) -> Self {
        Self {
            sha256: sha256(secret.reveal()),
            shown: shown(secret),
            is_preset,
        }
    }

    /// A credential of which only the sum is left; `is_preset` when it comes from the settings.
    #[must_use]
    pub const fn summed(sha256: Sha256Sum, is_preset: bool) -> Self {
        Self {
            sha256,
            shown: String::new(),
            is_preset,
        }
    }
}

impl Control {
    /// Makes the ingest key a browser key of the project `default`, and the admin token a key that acts as an
    /// instance owner, if they are not yet.
    ///
    /// A preset one takes the place of all earlier ones of its sort, and is valid even if someone has revoked it.
    /// A generated one that was revoked stays so, and those of other nodes stay beside it.
    ///
    /// # Errors
    /// The store cannot be asked or changed.
    pub async fn ensure_bootstrap(&self, ingest_key: &Seed, admin_token: &Seed) -> Result<(), ControlError> {
        let ingest_scopes = KeyKind::Browser.scopes_default();
        self.ensure_seed(
            ingest_key,
            KeyKind::Browser,
            "Bootstrap ingest key",
            ingest_scopes,
        )
        .await?;
        let admin_scopes = Scopes::of(&Scope::ALL);
        self.ensure_seed(
            admin_token,
            KeyKind::Server,
            "Bootstrap admin token",
            admin_scopes,
        )
        .await
    }

    async fn ensure_seed(
        &self,
        seed: &Seed,
        kind: KeyKind,
        name: &'static str,
        scopes: Scopes,
    ) -> Result<(), ControlError> {
        let here = Statement::new(
            format!("SELECT {} FROM api_keys WHERE sha256 = $1", rows::API_KEY),
            [seed.sha256.into()],
        );
        let here = self.one(here, rows::api_key).await?;
        let others = Statement::new(
            "SELECT count(*) FROM api_keys WHERE is_bootstrap AND kind = $1 AND sha256 <> $2",
            [kind.as_str().into(), seed.sha256.into()],
        );
        let others = self.one(others, super::Row::int).await?.unwrap_or(0);
        let now_ms = clock::now().as_millis();
        let is_live = here.as_ref().map(|key| key.is_live(now_ms));
        match is_live {
            Some(true) if !seed.is_preset || others == 0 => return Ok(()),
            Some(false) if !seed.is_preset => {
                tracing::warn!(key = name, "it was revoked, and is not accepted");
                return Ok(());
            }
            _ => {}
        }
        let project_id = ProjectId::default_project();
        let mut change = Change::new(&By::system(), "bootstrap.key", name)
            .warning()
            .within(&project_id)
            .details(json!({ "kind": kind, "is_preset": seed.is_preset, "replaced": others }));
        if kind == KeyKind::Server {
            change = change.step(Step::new(
                "INSERT INTO users (id, email, name, is_instance_owner, created_at_ms) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT DO NOTHING",
                [
                    BOOTSTRAP_USER_ID.into(),
                    BOOTSTRAP_USER_EMAIL.into(),
                    "Admin".into(),
                    true.into(),
                    now_ms.into(),
                ],
            ));
        }
        if seed.is_preset {
            change = change.step(Step::new(
                "DELETE FROM api_keys WHERE is_bootstrap AND kind = $1 AND sha256 <> $2",
                [kind.as_str().into(), seed.sha256.into()],
            ));
        }
        change = change.step(match here {
            Some(key) => Step::new(
                "UPDATE api_keys SET revoked_at_ms = NULL, expires_at_ms = NULL WHERE id = $1",
                [key.id.into()],
            ),
            None => {
                let name = Name::parse("name", name);
                let key = ApiKey {
                    id: Uuid::now_v7(),
                    project_id,
                    kind,
                    name: name.map_err(|fault| ControlError::Invalid(vec![fault]))?,
                    sha256: seed.sha256,
                    shown: seed.shown.clone(),
                    scopes,
                    acts_as: (kind == KeyKind::Server).then_some(BOOTSTRAP_USER_ID),
                    created_at_ms: now_ms,
                    expires_at_ms: None,
                    revoked_at_ms: None,
                };
                keys::insert(&key, true)
            }
        });
        match self.commit(change).await {
            // Another node was faster with the same key.
            Err(ControlError::Conflict { field: "key" }) => {
                self.refresh_or_log().await;
                Ok(())
            }
            outcome => outcome,
        }
    }
}
