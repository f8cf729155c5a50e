//! One call to a vendor that changes nothing, to see whether it answers and takes the credential.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use serde::Serialize;

use super::{Integrations, call};
use crate::domain::integration::{Integration, Probe};
use crate::outbound::Call;

const TIMEOUT: Duration = Duration::from_secs(10);
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
        let answered = self.call_probe(integration).await;
        let took_ms = started.elapsed().as_secs_f64() * 1_000.0;
        match answered {
            Ok(status) => Trial {
                outcome: match status {
                    200..300 => TrialOutcome::Ok,
                    401 | 403 => TrialOutcome::CredentialRefused,
                    _ => TrialOutcome::Failed,
                },
                status: Some(status),
                took_ms,
                error: None,
            },
            Err(error) => Trial {
                outcome: TrialOutcome::NoAnswer,
                status: None,
                took_ms,
                error: Some(error),
            },
        }
    }

    async fn call_probe(&self, integration: &Integration) -> Result<u16, String> {
        let effective = self.effective(integration);
        let secrets = self
            .secrets()
            .open(integration)
            .map_err(|error| error.to_string())?;
        let path = effective.probe.as_ref().map_or("/", |Probe { path }| path);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let out = call::outgoing(&effective, secrets.credential.as_ref(), path, query);
        let out = out.map_err(|error| error.to_string())?;
        let call = Call {
            purpose: "integration_test",
            method: Method::GET,
            url: &out.url,
            headers: out.headers,
            body: Bytes::new(),
            answer_bytes_max: ANSWER_BYTES_MAX,
            timeout: TIMEOUT,
        };
        let answer = self.outbound().call_for_status(call).await;
        answer
            .map(|answer| answer.status.as_u16())
            .map_err(|error| error.to_string())
    }
}
