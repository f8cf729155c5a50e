//! The endpoints that a product calls.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::super::range::Range;
use crate::warehouse::{Parameter, Question, SelectError, Statement};

const DAY_S: i64 = 86_400;

/// Endpoints that were called in a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Row, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Services {
    /// All of them.
    pub total: u64,
    /// Called within the last day.
    pub active: u64,
    /// Called only in other environments than production.
    pub draft: u64,
}

pub(super) async fn services(
    question: &Question<'_>,
    database: &str,
    project_id: &str,
    range: Range,
) -> Result<Services, SelectError> {
    let statement = Statement::new(
        "SELECT count() AS total,\n    \
             countIf(last >= toDateTime({active_from:Int64}, 'UTC')) AS active,\n    \
             countIf(NOT in_production) AS draft\n\
         FROM (\n    \
             SELECT member, max(bucket) AS last, max(environment IN ('', 'production')) AS in_production\n    \
             FROM {database:Identifier}.metric_slices\n    \
             WHERE project_id = {project:String} AND dimension = 'environment+api_endpoint' AND grain_minutes = 360 AND type = 'api_response_time'\n        \
                 AND bucket >= toDateTime({from:Int64}, 'UTC') AND bucket < toDateTime({to:Int64}, 'UTC') AND member != ''\n    \
             GROUP BY member\n\
         )",
    )
    .with("database", Parameter::Text(database.to_owned()))
    .with("project", Parameter::Text(project_id.to_owned()))
    .with("from", Parameter::Integer(range.from))
    .with("to", Parameter::Integer(range.to))
    .with("active_from", Parameter::Integer(range.to - DAY_S));
    let rows: Vec<Services> = question.select(&statement).await?;
    Ok(rows.first().copied().unwrap_or_default())
}
