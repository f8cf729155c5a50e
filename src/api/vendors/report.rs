//! What could be set better, and what speaks for it.

use std::collections::HashMap;

use serde::Serialize;

use super::{Call, DAY_S, integrations_of, totals_of};
use crate::api::error::ApiError;
use crate::api::manage::OfProject;
use crate::domain::account::Role;
use crate::domain::integration::{Effective, Integration, Slug, SyncMethod};
use crate::query::vendors::Totals;

/// The time that is looked at.
const DAYS: i64 = 7;
/// Of fewer calls nothing is said.
const CALLS_MIN: u64 = 100;

/// Something that could be set better.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = OptimizationFinding)]
struct Finding {
    integration: Slug,
    /// A name for it, the same for the same finding of each integration.
    finding: &'static str,
    /// In a sentence.
    text: String,
    /// What was seen.
    evidence: Evidence,
    /// The setting to change.
    setting: &'static str,
}

/// What was seen.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = OptimizationEvidence)]
struct Evidence {
    /// What was measured.
    measure: &'static str,
    /// How much it was.
    value: f64,
    /// From where on it is worth a word.
    limit: f64,
}

/// What could be set better.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct OptimizationReport {
    /// Days that were looked at.
    days: i64,
    findings: Vec<Finding>,
}

/// What could be set better, by what was seen in the last seven days.
#[utoipa::path(get, path = "/api-integrations/optimization-report", tag = "integrations", params(OfProject), responses((status = 200, body = OptimizationReport)))]
pub(in crate::api) async fn report(call: &mut Call) -> Result<OptimizationReport, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let seen: HashMap<String, Totals> = totals_of(call, &project_id, DAYS * DAY_S).await?;
    let mut findings = Vec::new();
    for integration in integrations_of(call, &project_id) {
        let effective = call.state().integrations.effective(&integration);
        let totals = seen.get(integration.slug.as_str()).cloned().unwrap_or_default();
        look(&integration, &effective, &totals, &mut findings);
    }
    Ok(OptimizationReport { days: DAYS, findings })
}

/// What could be set better, of whichever integration.
struct Better {
    finding: &'static str,
    text: String,
    /// What was measured, how much it was, and from where on it is worth a word.
    seen: (&'static str, f64, f64),
    setting: &'static str,
}

fn look(integration: &Integration, effective: &Effective, seen: &Totals, findings: &mut Vec<Finding>) {
    let found = [
        too_many_calls(effective, seen),
        many_retries(seen),
        caching(effective, seen),
        slow_tail(effective, seen),
        no_webhooks(effective, seen),
        not_monitored(integration),
    ];
    findings.extend(found.into_iter().flatten().map(|better| Finding {
        integration: integration.slug.clone(),
        finding: better.finding,
        text: better.text,
        evidence: Evidence {
            measure: better.seen.0,
            value: better.seen.1,
            limit: better.seen.2,
        },
        setting: better.setting,
    }));
}

/// A number of something for each call; none of too few calls.
fn of_each_call(some: u64, seen: &Totals) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "calls of a week")]
    let part = some as f64 / seen.calls.max(1) as f64;
    (seen.calls >= CALLS_MIN).then_some(part)
}

fn too_many_calls(effective: &Effective, seen: &Totals) -> Option<Better> {
    let limited = of_each_call(seen.limited, seen).filter(|part| *part > 0.01)?;
    let percent = limited * 100.0;
    Some(Better {
        finding: "too_many_calls",
        text: format!("The vendor refused {percent:.1} % of the calls because there were too many."),
        seen: ("share_of_status_429", limited, 0.01),
        setting: match effective.rate_limit {
            Some(_) => "rate_limit: lower it to what the vendor takes",
            None => "rate_limit: set what the vendor takes",
        },
    })
}

fn many_retries(seen: &Totals) -> Option<Better> {
    let retries = of_each_call(seen.retries, seen).filter(|part| *part > 0.05)?;
    let hundred = retries * 100.0;
    Some(Better {
        finding: "many_retries",
        text: format!("There were {hundred:.1} further tries for each 100 calls."),
        seen: ("retries_per_call", retries, 0.05),
        setting: "relay.tries_max, relay.backoff_ms",
    })
}

fn caching(effective: &Effective, seen: &Totals) -> Option<Better> {
    let setting = "catalogue: caching.paths, caching.tasks";
    let hits = of_each_call(seen.cache_hits, seen)?;
    if effective.caching.paths.is_empty() && effective.caching.tasks.is_empty() {
        let mean_ms = seen.mean_ms.filter(|ms| *ms > 500.0)?;
        return Some(Better {
            finding: "nothing_cached",
            text: format!("Calls take {mean_ms:.0} ms, and no answer is kept."),
            seen: ("mean_ms", mean_ms, 500.0),
            setting,
        });
    }
    let percent = hits * 100.0;
    (hits < 0.1).then(|| Better {
        finding: "few_cache_hits",
        text: format!("Only {percent:.1} % of the calls were answered from what is kept."),
        seen: ("cache_hit_rate", hits, 0.1),
        setting,
    })
}

fn slow_tail(effective: &Effective, seen: &Totals) -> Option<Better> {
    let limit_ms = f64::from(effective.sla.response_ms) * 3.0;
    let p95_ms = seen.p95_ms.filter(|p95_ms| *p95_ms > limit_ms)?;
    Some(Better {
        finding: "slow_tail",
        text: format!("One of twenty answers takes {p95_ms:.0} ms or longer: nobody waits that long."),
        seen: ("p95_ms", p95_ms, limit_ms),
        setting: "relay.deadline_ms",
    })
}

fn no_webhooks(effective: &Effective, seen: &Totals) -> Option<Better> {
    (effective.sync == SyncMethod::Webhook && seen.webhooks == 0).then(|| Better {
        finding: "no_webhooks",
        text: "It is to call by webhook, and did not.".to_owned(),
        seen: ("webhooks", 0.0, 1.0),
        setting: "the vendor's own: the address of the hook, and its secret",
    })
}

fn not_monitored(integration: &Integration) -> Option<Better> {
    (!integration.definition.is_monitored).then(|| Better {
        finding: "not_monitored",
        text: "Nobody looks whether it is there: an outage shows first in the product.".to_owned(),
        seen: ("checks", 0.0, 1.0),
        setting: "is_monitored",
    })
}
