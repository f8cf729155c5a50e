//! When releases went out: markers on a chart.
//!
//! A release that was posted as a deploy stands where it was posted to have gone out. One that nobody posted stands where it was
//! first seen, to the second.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::iso::as_iso;
use super::range::Range;
use crate::domain::dashboard::Deploy;
use crate::warehouse::{Parameter, Question, SelectError, Statement};

/// Most releases that are looked up; a chart with more markers shows nothing.
const RELEASES_MAX: usize = 20;
const HOUR_S: i64 = 3_600;

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
    let hours: Vec<SeenRow> = question
        .select(&first_hours(&database, project_id, range))
        .await?;
    let new: Vec<SeenRow> = hours
        .into_iter()
        .filter(|row| {
            posted
                .iter()
                .all(|deploy| deploy.release.as_str() != row.of_release)
        })
        .collect();
    let seen = if new.is_empty() {
        new
    } else {
        let seconds = question
            .select(&first_seconds(&database, project_id, &new))
            .await?;
        to_the_second(new, seconds)
    };
    let in_range = |seconds: i64| range.from <= seconds && seconds < range.to;
    let mut markers: Vec<Marker> = seen
        .into_iter()
        .filter(|row| in_range(row.seen))
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

/// Releases with the hour in which they were first seen, where that has to do with the range.
fn first_hours(database: &str, project_id: &str, range: Range) -> Statement {
    Statement::new(
        "SELECT toString(member) AS of_release, toInt64(toUnixTimestamp(min(bucket))) AS seen\n\
         FROM {database:Identifier}.metric_slices\n\
         WHERE project_id = {project:String} AND dimension = 'release' AND grain_minutes = 60 AND member != '' AND bucket < toDateTime({to:Int64}, 'UTC')\n\
         GROUP BY of_release\n\
         HAVING seen >= {from:Int64}\n\
         ORDER BY seen DESC LIMIT {releases_max:UInt64}",
    )
    .with("database", Parameter::Text(database.to_owned()))
    .with("project", Parameter::Text(project_id.to_owned()))
    .with("from", Parameter::Integer(range.from.div_euclid(HOUR_S) * HOUR_S))
    .with("to", Parameter::Integer(range.to))
    .with(
        "releases_max",
        Parameter::Integer(i64::try_from(RELEASES_MAX).unwrap_or_default()),
    )
}

/// When these releases were seen in these hours: one look for all of them, because each further one would take as long to
/// plan as this one.
fn first_seconds(database: &str, project_id: &str, hours: &[SeenRow]) -> Statement {
    Statement::new(
        "SELECT toString(release) AS of_release, toInt64(toUnixTimestamp(min(ts))) AS seen\n\
         FROM {database:Identifier}.performance_metrics\n\
         WHERE project_id = {project:String} AND release IN {releases:Array(String)} \
         AND toUnixTimestamp(toStartOfHour(ts)) IN {hours:Array(Int64)}\n\
         GROUP BY of_release",
    )
    .with("database", Parameter::Text(database.to_owned()))
    .with("project", Parameter::Text(project_id.to_owned()))
    .with(
        "hours",
        Parameter::Integers(hours.iter().map(|row| row.seen).collect()),
    )
    .with(
        "releases",
        Parameter::Texts(hours.iter().map(|row| row.of_release.clone()).collect()),
    )
}

/// The releases of these hours to the second; where the raw rows of an hour are forgotten, the hour it is. Then a release
/// may have been found in another one's hour, which is a later one.
fn to_the_second(hours: Vec<SeenRow>, seconds: Vec<SeenRow>) -> Vec<SeenRow> {
    let by_release: BTreeMap<String, i64> = seconds
        .into_iter()
        .map(|row| (row.of_release, row.seen))
        .collect();
    let refine = |hour: SeenRow| {
        let found = by_release.get(&hour.of_release).copied();
        let within = found.filter(|second| (hour.seen..hour.seen + HOUR_S).contains(second));
        SeenRow {
            seen: within.unwrap_or(hour.seen),
            ..hour
        }
    };
    hours.into_iter().map(refine).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(rows: &[(&str, i64)]) -> Vec<SeenRow> {
        let row = |(release, seen): &(&str, i64)| SeenRow {
            of_release: (*release).to_owned(),
            seen: *seen,
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn a_release_is_seen_to_the_second_where_its_first_hour_is_still_kept_and_else_to_the_hour() {
        let hours = seen(&[("kept", 7_200), ("forgotten", 3_600), ("seen later", 0)]);
        // In the order in which they come.
        let seconds = seen(&[("seen later", 7_300), ("kept", 10_799)]);
        assert_eq!(
            to_the_second(hours, seconds),
            seen(&[("kept", 10_799), ("forgotten", 3_600), ("seen later", 0)])
        );
    }
}
