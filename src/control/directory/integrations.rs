//! Integrations by what calls name them by.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::account::{ProjectId, Sha256Sum};
use crate::domain::integration::{Integration, Slug};

/// The integrations of a picture.
#[derive(Debug, Default)]
pub struct Integrations {
    by_project: HashMap<ProjectId, HashMap<Slug, Arc<Integration>>>,
    by_hook: HashMap<Sha256Sum, Arc<Integration>>,
}

impl Integrations {
    pub(super) fn of(all: Vec<Integration>) -> Self {
        let mut found = Self::default();
        for integration in all.into_iter().map(Arc::new) {
            let of_project = found
                .by_project
                .entry(integration.project_id.clone())
                .or_default();
            of_project.insert(integration.slug.clone(), Arc::clone(&integration));
            found.by_hook.insert(integration.hook_sha256, integration);
        }
        found
    }

    /// The integration of this slug.
    #[must_use]
    pub fn find(&self, project_id: &ProjectId, slug: &Slug) -> Option<&Arc<Integration>> {
        self.by_project.get(project_id)?.get(slug)
    }

    /// The integration whose hook has a token of this sum. Whoever guesses sums learns nothing from the time it takes: the
    /// sum of a guess is not his to choose.
    #[must_use]
    pub fn of_hook(&self, sum: &Sha256Sum) -> Option<&Arc<Integration>> {
        self.by_hook.get(sum)
    }

    /// All of them, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Integration>> {
        self.by_hook.values()
    }
}
