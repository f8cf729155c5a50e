//! One call to a vendor that changes nothing, to see whether it answers and takes the credential.

use std::time::Instant;

use http::HeaderMap;
use serde::Serialize;

use super::Integrations;
use crate::domain::integration::Integration;

const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// How a trial went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrialOutcome {
    /// The service answers and takes the credential.
    Ok,
    /// The service answers, and refuses the credential.
    CredentialRefused,
    /// The service answers with a failure.
    Failed,
    /// There was no answer, or there could be no call.
    NoAnswer,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = IntegrationTrial)]
pub struct Trial {
    outcome: TrialOutcome,
    /// Status of the answer.
    status: Option<u16>,
    /// Milliseconds until the answer was there.
    took_ms: f64,
    /// Why there is no answer.
    error: Option<String>,
}

impl Integrations {
    /// Calls the service's probe, or its address where it has none.
    pub async fn try_out(&self, integration: &Integration) -> Trial {
        let started = Instant::now();
        let effective = self.effective(integration);
        let path = effective.probe.as_ref().map_or("/", |probe| &probe.path);
        let asked = self
            .ask(
                "integration_test",
                integration,
                path,
                HeaderMap::new(),
                ANSWER_BYTES_MAX,
            )
            .await;
        let took_ms = started.elapsed().as_secs_f64() * 1_000.0;
        match asked {
            Ok(said) => Trial {
                outcome: match said.status.as_u16() {
                    200..300 => TrialOutcome::Ok,
                    401 | 403 => TrialOutcome::CredentialRefused,
                    _ => TrialOutcome::Failed,
                },
                status: Some(said.status.as_u16()),
                took_ms,
                error: None,
            },
            Err(silent) => Trial {
                outcome: TrialOutcome::NoAnswer,
                status: None,
                took_ms,
                error: Some(silent.to_string()),
            },
        }
    }
}
