//! What is there, so that things are found by what files call them.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::control::{Inventory, StoredChannel};
use crate::domain::account::{Email, JwtIssuer, Project, ProjectId, QuotaOverride, Role, User};
use crate::domain::rule::Rule;

/// An index of an inventory.
#[derive(Debug)]
pub(super) struct Known<'i> {
    pub(super) projects: HashMap<&'i ProjectId, &'i Project>,
    pub(super) deleted_projects: HashSet<&'i ProjectId>,
    pub(super) users: HashMap<&'i Email, &'i User>,
    pub(super) roles: HashMap<(&'i ProjectId, Uuid), Role>,
    overrides: HashMap<&'i ProjectId, Vec<&'i QuotaOverride>>,
    issuers: HashMap<&'i ProjectId, Vec<&'i JwtIssuer>>,
    rules: HashMap<&'i ProjectId, Vec<&'i Rule>>,
    channels: HashMap<&'i ProjectId, Vec<&'i StoredChannel>>,
}

impl<'i> Known<'i> {
    pub(super) fn of(there: &'i Inventory) -> Self {
        let mut overrides: HashMap<_, Vec<_>> = HashMap::new();
        for one in &there.overrides {
            overrides.entry(&one.project_id).or_default().push(one);
        }
        let mut issuers: HashMap<_, Vec<_>> = HashMap::new();
        for one in &there.issuers {
            issuers.entry(&one.project_id).or_default().push(one);
        }
        let mut rules: HashMap<_, Vec<_>> = HashMap::new();
        for one in &there.rules {
            rules.entry(&one.project_id).or_default().push(one);
        }
        let mut channels: HashMap<_, Vec<_>> = HashMap::new();
        for one in &there.channels {
            channels.entry(&one.project_id).or_default().push(one);
        }
        let roles = there.memberships.iter();
        Self {
            projects: there.projects.iter().map(|one| (&one.id, one)).collect(),
            deleted_projects: there.deleted_projects.iter().collect(),
            users: there.users.iter().map(|one| (&one.email, one)).collect(),
            roles: roles
                .map(|one| ((&one.project_id, one.user_id), one.role))
                .collect(),
            overrides,
            issuers,
            rules,
            channels,
        }
    }

    /// The overrides of a project, the oldest first.
    pub(super) fn overrides_of(&self, project_id: &ProjectId) -> &[&'i QuotaOverride] {
        self.overrides.get(project_id).map_or(&[], Vec::as_slice)
    }

    /// The rules of a project, by their names.
    pub(super) fn rules_of(&self, project_id: &ProjectId) -> &[&'i Rule] {
        self.rules.get(project_id).map_or(&[], Vec::as_slice)
    }

    /// The channels of a project, by their names.
    pub(super) fn channels_of(&self, project_id: &ProjectId) -> &[&'i StoredChannel] {
        self.channels.get(project_id).map_or(&[], Vec::as_slice)
    }

    /// The issuers of a project, the oldest first.
    pub(super) fn issuers_of(&self, project_id: &ProjectId) -> &[&'i JwtIssuer] {
        self.issuers.get(project_id).map_or(&[], Vec::as_slice)
    }
}
