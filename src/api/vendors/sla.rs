//! Vendors held to what is expected of them.

use std::collections::HashMap;

use serde::Serialize;

use super::{Call, DAY_S, integrations_of};
use crate::api::error::ApiError;
use crate::api::manage::OfProject;
use crate::api::paging;
use crate::clock;
use crate::domain::account::{ProjectId, Role};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::integration::{Integration, MaintenanceWindow, Sla, Slug};
use crate::query::vendors::{Excluded, SlaDay, SlaFigures, Totals, sla_days};

const DAYS_DEFAULT: i64 = 30;
const DAYS_MAX: i64 = 366;

/// Which time is asked about.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `days` reads")]
pub(in crate::api) struct SlaParameters {
    /// Days up to now, today included, in UTC.
    #[param(minimum = 1, maximum = 366, default = 30)]
    days: Option<u32>,
}

/// How vendors keep to what is expected of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct SlaCompliance {
    /// Begin, in milliseconds since 1970: a day's, in UTC.
    pub(super) from_ms: i64,
    /// End.
    pub(super) to_ms: i64,
    /// How many keep all that can be measured.
    pub(super) kept: usize,
    /// How many do not.
    pub(super) violated: usize,
    /// Of each integration, those that do not keep to it first.
    pub(super) services: Vec<ServiceSla>,
    /// Times that do not count.
    pub(super) maintenance: Vec<MaintenanceWindow>,
}

/// How one vendor keeps to what is expected of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct ServiceSla {
    /// The integration's name in addresses.
    pub(super) integration: Slug,
    /// The catalogue's service.
    pub(super) service: Slug,
    /// Its name, for people.
    pub(super) name: String,
    /// What is expected.
    pub(super) expected: Sla,
    /// What was.
    #[serde(flatten)]
    pub(super) figures: SlaFigures,
    /// Every day of the time.
    pub(super) history: Vec<SlaDay>,
}

/// How the vendors keep to what is expected of them. Windows of maintenance do not count.
#[utoipa::path(get, path = "/api-integrations/sla-compliance", tag = "integrations", params(OfProject, SlaParameters), responses((status = 200, body = SlaCompliance)))]
pub(in crate::api) async fn compliance(call: &mut Call) -> Result<SlaCompliance, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let days = days(call.parameters()).map_err(ApiError::BadParameters)?;
    let today_s = clock::now().as_millis().div_euclid(DAY_S * 1_000) * DAY_S;
    let mut found = between(call, &project_id, (today_s - (days - 1) * DAY_S, today_s + DAY_S)).await?;
    // What is broken first; then by name, as they are.
    found
        .services
        .sort_by_key(|one| one.figures.is_kept != Some(false));
    Ok(found)
}

fn days(parameters: paging::Others<'_>) -> Result<i64, Vec<FieldError>> {
    let mut days = DAYS_DEFAULT;
    let mut others = Vec::new();
    for (name, value) in parameters {
        if name != "days" {
            others.push((name, value));
            continue;
        }
        days = value
            .parse()
            .ok()
            .filter(|days| (1..=DAYS_MAX).contains(days))
            .ok_or_else(|| {
                let message = format!("must be a whole number from 1 to {DAYS_MAX}");
                vec![FieldError::new("days", FieldFault::OutOfRange, message)]
            })?;
    }
    paging::no_others(&others)?;
    Ok(days)
}

/// The same between the begins of two days, in seconds since 1970.
pub(in crate::api) async fn between(
    call: &Call,
    project_id: &ProjectId,
    (from_s, to_s): (i64, i64),
) -> Result<SlaCompliance, ApiError> {
    let all = integrations_of(call, project_id);
    let windows = call
        .control()
        .maintenance_between(Some(project_id), from_s * 1_000, to_s * 1_000)
        .await?;
    let excluded = Excluded::of_windows(&windows, all.iter());
    let found = sla_days(
        &call.state().warehouse,
        project_id.as_str(),
        (from_s, to_s),
        &excluded,
    )
    .await?;
    let mut by_slug: HashMap<String, (Totals, Vec<(i64, Totals)>)> = found
        .into_iter()
        .map(|(slug, whole, days)| (slug, (whole, days)))
        .collect();
    let services: Vec<ServiceSla> = all
        .iter()
        .map(|integration| {
            let (whole, days) = by_slug.remove(integration.slug.as_str()).unwrap_or_default();
            service_sla(call, integration, &whole, &days, (from_s, to_s))
        })
        .collect();
    let count = |kept: bool| {
        services
            .iter()
            .filter(|one| one.figures.is_kept == Some(kept))
            .count()
    };
    Ok(SlaCompliance {
        from_ms: from_s * 1_000,
        to_ms: to_s * 1_000,
        kept: count(true),
        violated: count(false),
        services,
        maintenance: windows,
    })
}

fn service_sla(
    call: &Call,
    integration: &Integration,
    whole: &Totals,
    days: &[(i64, Totals)],
    (from_s, to_s): (i64, i64),
) -> ServiceSla {
    let expected = call.state().integrations.effective(integration).sla;
    let step = usize::try_from(DAY_S).unwrap_or(1);
    let history: Vec<SlaDay> = (from_s..to_s)
        .step_by(step)
        .map(|day| {
            let totals = days.iter().find(|(at, _)| *at == day).map(|(_, totals)| totals);
            SlaDay::new(&expected, day, totals.unwrap_or(&Totals::default()))
        })
        .collect();
    ServiceSla {
        integration: integration.slug.clone(),
        service: integration.service.clone(),
        name: integration.definition.name.as_str().to_owned(),
        expected,
        figures: SlaFigures::new(&expected, whole, history.last()),
        history,
    }
}
