//! All vendors at a glance, and what is wrong with them.

use serde::Serialize;

use super::{Call, DAY_S, HealthStatus, LATELY_S, integrations_of, status_of, totals_of};
use crate::api::error::ApiError;
use crate::api::manage::OfProject;
use crate::clock;
use crate::control::{AlertFilter, AlertStateFilter};
use crate::domain::account::{ProjectId, Role};
use crate::domain::alert::{Alert, AlertSource};
use crate::domain::integration::Slug;
use crate::domain::page::PageRequest;
use crate::domain::rule::Level;
use crate::query::vendors::Totals;

/// Alerts of a project that are looked through for those about vendors.
const ALERTS_MAX: u32 = 500;
/// Alerts that are over which are told.
const HISTORY_MAX: usize = 50;
/// How long ago those may have begun.
const HISTORY_MS: i64 = 7 * DAY_S * 1_000;
/// The label that alerts about vendors have.
const LABEL: &str = "integration";

/// All vendors at a glance.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct MonitoringDashboard {
    /// How they do now.
    health: HealthStatus,
    /// Of each, what the last 24 hours add up to; those without contacts are not in it.
    last_day: Vec<DayOf>,
    /// Calls of the product in the last 24 hours.
    calls: u64,
    /// Share of them that went well.
    success_rate: Option<f64>,
    /// Alerts about vendors that are not over.
    alerts: BySeverity,
}

/// What a vendor's last 24 hours add up to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = VendorDay)]
struct DayOf {
    integration: Slug,
    #[serde(flatten)]
    totals: Totals,
}

/// How many there are of each level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = VendorAlertCounts)]
struct BySeverity {
    info: u32,
    warning: u32,
    error: u32,
    critical: u32,
}

impl BySeverity {
    fn of<'a>(alerts: impl Iterator<Item = &'a Alert>) -> Self {
        let mut counts = Self::default();
        for alert in alerts {
            *match alert.level {
                Level::Info => &mut counts.info,
                Level::Warning => &mut counts.warning,
                Level::Error => &mut counts.error,
                Level::Critical => &mut counts.critical,
            } += 1;
        }
        counts
    }
}

/// How all vendors do, what the last day was like, and how many alerts there are about them.
#[utoipa::path(get, path = "/api-integrations/monitoring-dashboard", tag = "integrations", params(OfProject), responses((status = 200, body = MonitoringDashboard)))]
pub(in crate::api) async fn dashboard(call: &mut Call) -> Result<MonitoringDashboard, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let all = integrations_of(call, &project_id);
    let (lately, mut day, open) = tokio::try_join!(
        totals_of(call, &project_id, LATELY_S),
        totals_of(call, &project_id, DAY_S),
        alerts_of(call, &project_id, AlertStateFilter::Open, None),
    )?;
    let last_day: Vec<DayOf> = all
        .iter()
        .filter_map(|one| {
            let totals = day.remove(one.slug.as_str())?;
            let integration = one.slug.clone();
            Some(DayOf { integration, totals })
        })
        .collect();
    let calls: u64 = last_day.iter().map(|one| one.totals.calls).sum();
    #[expect(clippy::cast_precision_loss, reason = "calls of a day")]
    let success_rate = (calls > 0).then(|| {
        let good = |one: &DayOf| one.totals.success_rate.unwrap_or_default() * one.totals.calls as f64;
        last_day.iter().map(good).sum::<f64>() / calls as f64
    });
    Ok(MonitoringDashboard {
        health: status_of(call, &all, &lately),
        last_day,
        calls,
        success_rate,
        alerts: BySeverity::of(open.iter()),
    })
}

/// What is wrong with vendors, and what was.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct VendorAlerts {
    /// How many are not over, by level.
    counts: BySeverity,
    /// Those that are not over, the newest first.
    active: Vec<Alert>,
    /// Those of the last 7 days that are over, the newest first; 50 at most.
    history: Vec<Alert>,
    /// How many of the last 7 days ended by themselves.
    auto_resolved: u32,
    /// Those that are not over and that nobody has acknowledged: they escalate where the channels say so.
    escalating: Vec<uuid::Uuid>,
}

/// Alerts about vendors: those of rules that watch them.
#[utoipa::path(get, path = "/api-integrations/alerts", tag = "integrations", params(OfProject), responses((status = 200, body = VendorAlerts)))]
pub(in crate::api) async fn alerts(call: &mut Call) -> Result<VendorAlerts, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let since_ms = clock::now().as_millis() - HISTORY_MS;
    let active = alerts_of(call, &project_id, AlertStateFilter::Open, None).await?;
    let mut history = alerts_of(call, &project_id, AlertStateFilter::Resolved, Some(since_ms)).await?;
    let by_themselves = history
        .iter()
        .filter(|alert| alert.resolution == Some(crate::domain::alert::Resolution::Recovered));
    let auto_resolved = u32::try_from(by_themselves.count()).unwrap_or(u32::MAX);
    history.truncate(HISTORY_MAX);
    let unanswered = active.iter().filter(|alert| alert.acknowledged.is_none());
    Ok(VendorAlerts {
        counts: BySeverity::of(active.iter()),
        escalating: unanswered.map(|alert| alert.id).collect(),
        active,
        history,
        auto_resolved,
    })
}

async fn alerts_of(
    call: &Call,
    project_id: &ProjectId,
    state: AlertStateFilter,
    from_ms: Option<i64>,
) -> Result<Vec<Alert>, ApiError> {
    let filter = AlertFilter {
        state,
        source: Some(AlertSource::Rule),
        from_ms,
        ..AlertFilter::default()
    };
    let page = PageRequest::new(1, ALERTS_MAX);
    let found = call.control().alerts(project_id, &filter, page).await?;
    let mut found = found.items;
    found.retain(|alert| alert.labels.contains_key(LABEL));
    Ok(found)
}
