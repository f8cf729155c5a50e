//! API keys: how programs show who they are.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::project::ProjectId;
use super::text::Name;

/// The SHA-256 sum of a key, a token or a session's secret; what is kept instead of it.
pub type Sha256Sum = [u8; 32];

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Public, stands in every page; only posts beacons, from the project's origins.
    Browser,
    /// Secret; may what its scopes say.
    Server,
    /// Secret; only looks.
    Read,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Browser, Self::Server, Self::Read];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Server => "server",
            Self::Read => "read",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// What generated keys of this kind begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Browser => "fk_",
            Self::Server => "fs_",
            Self::Read => "fr_",
        }
    }

    /// The scopes that a key of this kind may have.
    #[must_use]
    pub const fn scopes_allowed(self) -> Scopes {
        match self {
            Self::Browser => Scopes::of(&[Scope::Ingest]),
            Self::Server => Scopes::of(&Scope::ALL),
            Self::Read => Scopes::of(&[Scope::Read]),
        }
    }

    /// The scopes that a key of this kind gets when none are named.
    #[must_use]
    pub const fn scopes_default(self) -> Scopes {
        match self {
            Self::Browser | Self::Server => Scopes::of(&[Scope::Ingest]),
            Self::Read => Scopes::of(&[Scope::Read]),
        }
    }
}

/// One thing that a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Post beacons.
    Ingest,
    /// Ask for data.
    Read,
    /// Change the project, its keys and its rules.
    Manage,
    /// Send calls through the relay.
    Relay,
    /// Import history.
    Import,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 5] = [Self::Ingest, Self::Read, Self::Manage, Self::Relay, Self::Import];

    /// Name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Manage => "manage",
            Self::Relay => "relay",
            Self::Import => "import",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A set of scopes; a list of names on the wire.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// The set of these scopes.
    #[must_use]
    pub const fn of(scopes: &[Scope]) -> Self {
        let mut set = 0;
        let mut at = 0;
        while at < scopes.len() {
            set |= 1 << scopes[at] as u8;
            at += 1;
        }
        Self(set)
    }

    /// True when the scope is in the set.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// True when every scope of this set is in the other.
    #[must_use]
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// True when there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in the set.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&Vec::<Scope>::deserialize(deserializer)?))
    }
}

/// An API key; the key itself was shown once, when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ApiKey {
    /// Its id, which is no secret.
    pub id: Uuid,
    /// The project that it posts to or looks at.
    pub project_id: ProjectId,
    /// What it is for.
    pub kind: KeyKind,
    /// Its name for people.
    pub name: Name,
    /// SHA-256 of the key.
    #[serde(skip)]
    pub sha256: Sha256Sum,
    /// The key's first characters, so that people can tell keys apart.
    pub shown: String,
    /// What it may do.
    #[schema(value_type = Vec<Scope>)]
    pub scopes: Scopes,
    /// The user whose rights it has in all projects; only the bootstrap's admin token has one.
    pub acts_as: Option<Uuid>,
    /// When it was made.
    pub created_at_ms: i64,
    /// From when on it is refused.
    pub expires_at_ms: Option<i64>,
    /// Since when it is refused.
    pub revoked_at_ms: Option<i64>,
}

impl ApiKey {
    /// True while the key is neither revoked nor expired.
    #[must_use]
    pub fn is_live(&self, now_ms: i64) -> bool {
        self.revoked_at_ms.is_none() && self.expires_at_ms.is_none_or(|end| now_ms < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kinds_and_scopes_read_back() {
        for kind in KeyKind::ALL {
            assert_eq!(KeyKind::from_name(kind.as_str()), Some(kind));
            assert!(kind.scopes_default().is_within(kind.scopes_allowed()));
        }
        for scope in Scope::ALL {
            assert_eq!(Scope::from_name(scope.as_str()), Some(scope));
            assert_eq!(
                serde_json::to_string(&scope).unwrap(),
                format!("{:?}", scope.as_str())
            );
        }
    }

    #[test]
    fn a_browser_key_can_only_post_and_a_read_key_only_look() {
        for scope in Scope::ALL {
            let alone = Scopes::of(&[scope]);
            assert_eq!(
                alone.is_within(KeyKind::Browser.scopes_allowed()),
                scope == Scope::Ingest
            );
            assert_eq!(
                alone.is_within(KeyKind::Read.scopes_allowed()),
                scope == Scope::Read
            );
        }
    }

    #[test]
    fn scopes_are_a_list_of_names_on_the_wire() {
        let scopes: Scopes = serde_json::from_str(r#"["read","ingest","read"]"#).unwrap();
        assert_eq!(serde_json::to_string(&scopes).unwrap(), r#"["ingest","read"]"#);
        assert!(serde_json::from_str::<Scopes>(r#"["everything"]"#).is_err());
    }
}
