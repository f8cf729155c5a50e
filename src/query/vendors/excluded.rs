//! Times that do not count in what is said of vendors.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::integration::{Integration, MaintenanceWindow};
use crate::warehouse::{Parameter, Statement};

/// Behind the other conditions of a statement about `vendor_calls`.
const CONDITION: &str = "\n    AND NOT arrayExists(away -> away.1 IN (concat(toString(project_id), '/'), \
    concat(toString(project_id), '/', toString(integration))) AND toUnixTimestamp64Milli(ts) >= away.2 \
    AND toUnixTimestamp64Milli(ts) < away.3, {away:Array(Tuple(String, Int64, Int64))})";

/// Such a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excluded {
    /// Of which project.
    pub project_id: String,
    /// Of which integration, by its name in addresses; none: of all.
    pub integration: Option<String>,
    /// Begin, in milliseconds since 1970.
    pub from_ms: i64,
    /// End, which is not part of it.
    pub to_ms: i64,
}

impl Excluded {
    /// Windows of maintenance, but for those of integrations that are not among these.
    pub fn of_windows<'i>(
        windows: &[MaintenanceWindow],
        integrations: impl Iterator<Item = &'i Arc<Integration>>,
    ) -> Vec<Self> {
        if windows.is_empty() {
            return Vec::new();
        }
        let slugs: HashMap<Uuid, &str> = integrations.map(|one| (one.id, one.slug.as_str())).collect();
        let excluded = windows.iter().filter_map(|window| {
            let integration = match &window.integration_id {
                Some(id) => Some((*slugs.get(id)?).to_owned()),
                None => None,
            };
            Some(Self {
                project_id: window.project_id.as_str().to_owned(),
                integration,
                from_ms: window.starts_at_ms,
                to_ms: window.ends_at_ms,
            })
        });
        excluded.collect()
    }

    /// What a statement asks of its rows; nothing where all times count.
    pub(in crate::query) const fn condition(all: &[Self]) -> &'static str {
        if all.is_empty() { "" } else { CONDITION }
    }

    /// Binds what [`condition`](Self::condition) names.
    pub(in crate::query) fn bind(all: &[Self], statement: Statement) -> Statement {
        if all.is_empty() {
            return statement;
        }
        let away = all.iter().map(|one| {
            let integration = one.integration.as_deref().unwrap_or_default();
            (
                format!("{}/{integration}", one.project_id),
                one.from_ms,
                one.to_ms,
            )
        });
        statement.with("away", Parameter::Buckets(away.collect()))
    }
}
