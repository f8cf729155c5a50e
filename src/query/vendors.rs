//! Vendors: what passed between a project and each of them, from all sides.
//!
//! Everything here reads `vendor_calls`, one row a contact. Words:
//!
//! | word | is |
//! |---|---|
//! | call | of the product, through the relay; also one that was answered from what is kept, or left to itself by the breaker |
//! | check | a probe or a poll of Fresnel's |
//! | seen | a call or a check that reached for the vendor: not what was kept, not what was left alone |
//! | failed | seen, and ended without an answer, or with a status from 500 on |
//! | availability | the share of what was seen that did not fail: of all sides together, so that hours with much traffic weigh more |

mod blame;
mod excluded;
mod metrics;
mod sla;
mod statement;
mod totals;

use std::collections::HashMap;
use std::time::Duration;

use clickhouse::Row;
use serde::Deserialize;

use crate::warehouse::{Parameter, SelectError, Statement, Warehouse};

pub use blame::{Blame, BlameParameters, BlameRequest, blame};
pub use excluded::Excluded;
pub use metrics::{
    OfService, ServiceMetrics, ServiceMetricsParameters, ServiceMetricsRequest, service_metrics,
};
pub use sla::{Compliance, SlaDay, SlaFigures, SlaTarget, sla_days};
pub use totals::{Totals, totals};

#[derive(Clone, Debug, Row, Deserialize)]
struct LastRow {
    project_id: String,
    integration: String,
    last_ms: i64,
}

/// When webhooks came last, by project and integration: of the time that matters for whether they stay away.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn last_webhooks(
    warehouse: &Warehouse,
    now_ms: i64,
    within: Duration,
) -> Result<HashMap<(String, String), i64>, SelectError> {
    let question = warehouse.question();
    let within_ms = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
    let statement = Statement::new(
        "SELECT toString(project_id) AS project_id, toString(integration) AS integration, \
             toUnixTimestamp64Milli(max(ts)) AS last_ms\n\
         FROM {database:Identifier}.vendor_calls\n\
         WHERE side = 'webhook' AND ts >= fromUnixTimestamp64Milli({from_ms:Int64})\n\
         GROUP BY project_id, integration",
    )
    .with("database", Parameter::Text(question.database_name()?))
    .with("from_ms", Parameter::Integer(now_ms.saturating_sub(within_ms)));
    let rows: Vec<LastRow> = question.select(&statement).await?;
    let last = rows
        .into_iter()
        .map(|row| ((row.project_id, row.integration), row.last_ms));
    Ok(last.collect())
}
