//! Signed evidence of a month.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::Serialize;

use super::Call;
use super::sla::{SlaCompliance, between};
use crate::api::error::ApiError;
use crate::api::manage::OfProject;
use crate::api::paging;
use crate::clock;
use crate::domain::account::Role;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::integrations::evidence::Evidence;

/// Which month.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `month` reads")]
pub(in crate::api) struct EvidenceParameters {
    /// A month of UTC; the one before this unless given.
    #[param(pattern = "^[0-9]{4}-[0-9]{2}$", example = "2026-10")]
    month: Option<String>,
}

/// What is signed.
#[derive(Debug, Serialize)]
struct Document<'a> {
    format: &'static str,
    project: &'a str,
    month: String,
    /// Whether the month was over.
    is_complete: bool,
    generated_at_ms: i64,
    method: &'static str,
    #[serde(flatten)]
    compliance: SlaCompliance,
}

const FORMAT: &str = "fresnel-sla-evidence/1";
const METHOD: &str = "Availability is the share of calls through the relay, probes and polls that did not end without an answer or with \
                      a status from 500 on. Windows of maintenance do not count. Days are those of UTC.";

/// The public key of evidence.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct EvidenceKey {
    /// `Ed25519`.
    algorithm: &'static str,
    /// 32 bytes in base64.
    public_key: String,
}

/// How the vendors kept to what is expected of them in a month, day by day, signed. `fresnel verify-evidence` checks it.
#[utoipa::path(get, path = "/api-integrations/evidence", tag = "integrations", params(OfProject, EvidenceParameters), responses((status = 200, body = Evidence)))]
pub(in crate::api) async fn evidence(call: &mut Call) -> Result<Evidence, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let now_ms = clock::now().as_millis();
    let month = month(call.parameters(), now_ms).map_err(ApiError::BadParameters)?;
    let begin_s = |day: Date| {
        let time = day.to_zoned(TimeZone::UTC);
        time.map(|time| time.timestamp().as_second()).unwrap_or_default()
    };
    let next = month.saturating_add(Span::new().months(1));
    let (from_s, to_s) = (begin_s(month), begin_s(next));
    let compliance = between(call, &project_id, (from_s, to_s)).await?;
    let document = Document {
        format: FORMAT,
        project: project_id.as_str(),
        month: month.strftime("%Y-%m").to_string(),
        is_complete: now_ms >= to_s * 1_000,
        generated_at_ms: now_ms,
        method: METHOD,
        compliance,
    };
    let signed = call.state().integrations.signer().sign(&document);
    signed.map_err(|error| ApiError::WarehouseFailed(error.to_string()))
}

/// The key that evidence of this installation can be checked with.
#[utoipa::path(get, path = "/api-integrations/evidence/key", tag = "integrations", params(OfProject), responses((status = 200, body = EvidenceKey)))]
pub(in crate::api) async fn key(call: &mut Call) -> Result<EvidenceKey, ApiError> {
    call.manager_of(Role::Viewer).await?;
    Ok(EvidenceKey {
        algorithm: "Ed25519",
        public_key: call.state().integrations.signer().public_key(),
    })
}

/// The first day of the month.
fn month(parameters: paging::Others<'_>, now_ms: i64) -> Result<Date, Vec<FieldError>> {
    let mut others = Vec::new();
    let mut wanted = None;
    for (name, value) in parameters {
        if name != "month" {
            others.push((name, value));
            continue;
        }
        let day = match value.len() {
            7 => format!("{value}-01").parse::<Date>().ok(),
            _ => None,
        };
        let day = day.filter(|day| (1970..2100).contains(&day.year()));
        wanted = Some(day.ok_or_else(|| {
            let message = "must be a month like 2026-10";
            vec![FieldError::new("month", FieldFault::BadFormat, message)]
        })?);
    }
    paging::no_others(&others)?;
    Ok(wanted.unwrap_or_else(|| {
        let today = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let this = today.to_zoned(TimeZone::UTC).date().first_of_month();
        this.saturating_sub(Span::new().months(1))
    }))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn without_a_month_it_is_the_one_before() {
        let new_years_day = "2026-01-01T00:00:00Z"
            .parse::<Timestamp>()
            .unwrap()
            .as_millisecond();
        let asked = |text: &'static str| month(vec![(Cow::from("month"), Cow::from(text))], new_years_day);
        assert_eq!(
            month(Vec::new(), new_years_day).unwrap().to_string(),
            "2025-12-01"
        );
        assert_eq!(asked("2026-02").unwrap().to_string(), "2026-02-01");
        for bad in ["", "2026", "2026-13", "2026-1", "26-01-0", "9999-12"] {
            assert!(asked(bad).is_err(), "{bad}");
        }
    }
}
