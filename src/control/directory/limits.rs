//! Which limits hold for a subject.

use std::collections::HashMap;

use uuid::Uuid;

use super::ProjectEntry;
use crate::domain::account::{PartialLimits, QuotaLimits, QuotaTarget};
use crate::domain::beacon::Kind;

/// Whom limits are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The kind of beacon that it sends.
    pub endpoint: Option<Kind>,
    /// The role that its JWT tells.
    pub role: Option<&'a str>,
    /// The key that it shows.
    pub key: Option<Uuid>,
    /// Who it is, if that is verified.
    pub user: Option<&'a str>,
}

/// The overrides of a project, found without a walk over all.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    project: PartialLimits,
    endpoints: HashMap<Kind, PartialLimits>,
    roles: HashMap<String, PartialLimits>,
    keys: HashMap<Uuid, PartialLimits>,
    users: HashMap<String, PartialLimits>,
}

impl Overrides {
    pub(super) fn add(&mut self, target: QuotaTarget, limits: PartialLimits) {
        match target {
            QuotaTarget::Project => self.project = limits,
            QuotaTarget::Endpoint(kind) => drop(self.endpoints.insert(kind, limits)),
            QuotaTarget::Role(role) => drop(self.roles.insert(role, limits)),
            QuotaTarget::Key(key) => drop(self.keys.insert(key, limits)),
            QuotaTarget::User(user) => drop(self.users.insert(user, limits)),
        }
    }
}

impl ProjectEntry {
    /// The limits of a subject: the defaults, and over them what is otherwise for the project, the endpoint, the
    /// role, the key and the user, the later over the earlier, limit by limit.
    #[must_use]
    pub fn limits(&self, subject: &Subject<'_>, defaults: QuotaLimits) -> QuotaLimits {
        let Overrides {
            project,
            endpoints,
            roles,
            keys,
            users,
        } = &self.overrides;
        let found = [
            subject.endpoint.and_then(|kind| endpoints.get(&kind)),
            subject.role.and_then(|role| roles.get(role)),
            subject.key.and_then(|key| keys.get(&key)),
            subject.user.and_then(|user| users.get(user)),
        ];
        found
            .into_iter()
            .flatten()
            .fold(project.over(defaults), |limits, partial| partial.over(limits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::{Name, Project, ProjectId};

    fn events(limit: u32) -> PartialLimits {
        PartialLimits {
            events_per_hour: Some(limit),
            ..PartialLimits::default()
        }
    }

    #[test]
    fn the_nearer_override_wins_limit_by_limit() {
        let key = Uuid::from_u128(1);
        let mut overrides = Overrides::default();
        let on_metrics = PartialLimits {
            metrics_per_hour: Some(7),
            ..PartialLimits::default()
        };
        overrides.add(QuotaTarget::Project, on_metrics);
        overrides.add(QuotaTarget::Endpoint(Kind::Event), events(10));
        overrides.add(QuotaTarget::Role("beta".into()), events(20));
        overrides.add(QuotaTarget::Key(key), events(30));
        overrides.add(QuotaTarget::User("ada".into()), events(40));
        let name = Name::parse("name", "x").unwrap();
        let entry = ProjectEntry {
            changed_revision: 0,
            project: Project::new(ProjectId::default_project(), name, 0),
            issuers: Vec::new(),
            overrides,
        };
        let limit = |subject: Subject<'_>| entry.limits(&subject, QuotaLimits::default()).events_per_hour;
        let mut subject = Subject::default();
        assert_eq!(limit(subject), 1_000);
        subject.endpoint = Some(Kind::Event);
        assert_eq!(limit(subject), 10);
        subject.role = Some("beta");
        assert_eq!(limit(subject), 20);
        subject.key = Some(key);
        assert_eq!(limit(subject), 30);
        subject.user = Some("eve");
        assert_eq!(limit(subject), 30);
        subject.user = Some("ada");
        assert_eq!(limit(subject), 40);
        assert_eq!(entry.limits(&subject, QuotaLimits::default()).metrics_per_hour, 7);
    }
}
