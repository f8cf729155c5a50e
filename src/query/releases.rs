//! When releases went out: markers on a chart.
//!
//! A release that was posted as a deploy stands where it was posted to have gone out. One that nobody posted stands where it was
//! first seen, to the second, which a rollup of its own remembers.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::iso::as_iso;
use super::range::Range;
use crate::domain::dashboard::Deploy;
use crate::warehouse::{Parameter, Question, SelectError, Statement};

/// Most releases that are looked up; a chart with more markers shows nothing.
const RELEASES_MAX: usize = 20;

/// A release on a chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Marker {
    /// When it went out, or was first seen.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// Name of the release.
    pub release: String,
    /// How it is known.
    pub source: MarkerSource,
    /// Where it went out; null when that was not said.
    pub environment: Option<String>,
    /// What was posted with it.
    pub description: Option<String>,
    /// Where there is more to read.
    pub url: Option<String>,
}

/// How a release is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkerSource {
    /// Somebody posted it.
    Posted,
    /// A measurement had it for the first time.
    FirstSeen,
}

#[derive(Debug, PartialEq, Eq, Row, Deserialize)]
struct SeenRow {
    of_release: String,
    seen: i64,
}

/// The releases of a range: those that were posted, and those that were seen for the first time in it and never posted.
///
/// # Errors
/// Why the warehouse has no answer.
pub(super) async fn markers(
    question: &Question<'_>,
    project_id: &str,
    range: Range,
    posted: Vec<Deploy>,
) -> Result<Vec<Marker>, SelectError> {
    let database = question.database_name()?;
    let seen: Vec<SeenRow> = question.select(&first_seen(&database, project_id, range)).await?;
    let is_posted = |release: &str| posted.iter().any(|deploy| deploy.release.as_str() == release);
    let mut markers: Vec<Marker> = seen
        .into_iter()
        .filter(|row| !is_posted(&row.of_release))
        .map(|row| Marker {
            ts: row.seen,
            release: row.of_release,
            source: MarkerSource::FirstSeen,
            environment: None,
            description: None,
            url: None,
        })
        .collect();
    markers.extend(posted.into_iter().map(of_deploy));
    markers.sort_by(|one, other| (one.ts, &one.release).cmp(&(other.ts, &other.release)));
    Ok(markers)
}

/// Releases that were first seen in the range.
fn first_seen(database: &str, project_id: &str, range: Range) -> Statement {
    Statement::new(
        "SELECT release AS of_release, toInt64(toUnixTimestamp(min(first_seen))) AS seen\n\
         FROM {database:Identifier}.releases\n\
         WHERE project_id = {project:String}\n\
         GROUP BY of_release\n\
         HAVING seen >= {from:Int64} AND seen < {to:Int64}\n\
         ORDER BY seen DESC, of_release LIMIT {releases_max:UInt64}",
    )
    .of_rollups()
    .with("database", Parameter::Text(database.to_owned()))
    .with("project", Parameter::Text(project_id.to_owned()))
    .with("from", Parameter::Integer(range.from))
    .with("to", Parameter::Integer(range.to))
    .with(
        "releases_max",
        Parameter::Integer(i64::try_from(RELEASES_MAX).unwrap_or_default()),
    )
}

fn of_deploy(deploy: Deploy) -> Marker {
    Marker {
        ts: deploy.deployed_at_ms.div_euclid(1_000),
        release: deploy.release.as_str().to_owned(),
        source: MarkerSource::Posted,
        environment: deploy.environment.map(|text| text.as_str().to_owned()),
        description: deploy.description.map(|text| text.as_str().to_owned()),
        url: deploy.url.map(|url| url.as_str().to_owned()),
    }
}
