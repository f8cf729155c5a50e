//! Fills rollups from raw rows, with the selects of the views that fill them from then on: for a rollup that is newer than
//! the rows, or one that has lost some.
//!
//! What the rollups hold of the days in question is deleted first, then they are filled day by day (of UTC). So a backfill can
//! be repeated, and one that ended half-way must be. Weeks are made anew at the end. Days of which raw rows have been forgotten in part stay as they are: there the
//! rollups know more. Nothing may be inserted meanwhile, or it would be counted twice or not at all; whoever calls this
//! sees to it.

use std::collections::BTreeSet;
use std::time::Duration;

use thiserror::Error;

use super::schema::Retention;
use super::schema::rollups::{RELEASES, VIEWS, View, WEEKS};
use super::select::{Parameter, SelectError, Statement};
use super::{Warehouse, quote_identifier};
use crate::clock::UnixMicros;

const DAY_S: i64 = 86_400;
const WEEK_S: i64 = 7 * DAY_S;
/// Time for one statement; a day of many rows takes some minutes.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Memory beyond which groups go to the disk.
const GROUPS_BYTES_MAX: u32 = 256 << 20;

/// The days to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillPlan {
    /// Start of the first day, in seconds since 1970.
    first: i64,
    /// Start of the day behind the last one.
    end: i64,
    /// Before this time minutes are not kept.
    minutes_from: i64,
}

/// Why rollups were not filled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{doing}: {source}; run it again: rollups are not whole")]
pub struct BackfillError {
    /// What was being done.
    doing: String,
    /// What the warehouse answered.
    source: SelectError,
}

impl BackfillPlan {
    /// How many days there are.
    #[must_use]
    pub fn days(&self) -> u64 {
        u64::try_from((self.end - self.first) / DAY_S).unwrap_or_default()
    }

    /// Starts of the days.
    pub fn iter(&self) -> impl Iterator<Item = i64> + use<> {
        let Self { first, end, .. } = *self;
        (0..(end - first) / DAY_S).map(move |day| first + day * DAY_S)
    }
}

impl Warehouse {
    /// The days whose raw rows are all there; none when there are no rows.
    ///
    /// # Errors
    /// The warehouse cannot be asked.
    pub async fn plan_backfill(
        &self,
        retention: &Retention,
        now: UnixMicros,
    ) -> Result<BackfillPlan, SelectError> {
        let database = quote_identifier(&self.connected()?.database);
        let tables: BTreeSet<&str> = VIEWS.iter().map(|view| view.source).collect();
        let spans = tables.iter().map(|table| {
            format!("SELECT count() AS n, toUnixTimestamp(min(ts)) AS first, toUnixTimestamp(max(ts)) AS last FROM {database}.{table}")
        });
        let spans: Vec<_> = spans.collect();
        let sql = format!(
            "SELECT toInt64(min(first)), toInt64(max(last)) FROM ({}) WHERE n > 0 HAVING count() > 0",
            spans.join(" UNION ALL ")
        );
        let found: Vec<(i64, i64)> = self.select_as_writer(&Statement::new(sql)).await?;
        let now_s = now.as_millis().div_euclid(1_000);
        let kept_from = |days: u32| now_s - i64::from(days) * DAY_S;
        let Some((first, last)) = found.first().copied() else {
            return Ok(BackfillPlan {
                first: 0,
                end: 0,
                minutes_from: 0,
            });
        };
        let first_kept = kept_from(retention.raw_days);
        // The day in which raw rows begin to be forgotten is not whole.
        let first_whole = if first <= first_kept + DAY_S {
            (first_kept.div_euclid(DAY_S) + 1) * DAY_S
        } else {
            first.div_euclid(DAY_S) * DAY_S
        };
        Ok(BackfillPlan {
            first: first_whole,
            end: ((last.div_euclid(DAY_S) + 1) * DAY_S).max(first_whole),
            minutes_from: kept_from(retention.minute_days),
        })
    }

    /// Empties the rollups of all days of the plan.
    ///
    /// # Errors
    /// What the warehouse did not do.
    pub async fn clear_rollups(&self, plan: &BackfillPlan) -> Result<(), BackfillError> {
        let link = self.connected().map_err(during("connecting".to_owned()))?;
        let database = quote_identifier(&link.database);
        let tables: BTreeSet<&str> = VIEWS.iter().map(|view| view.target).collect();
        for table in tables {
            let sql = format!(
                "ALTER TABLE {database}.{table} DELETE WHERE bucket >= toDateTime({{from:Int64}}, 'UTC') \
                 AND bucket < toDateTime({{to:Int64}}, 'UTC') AND grain_minutes <= 1440 SETTINGS mutations_sync = 1"
            );
            self.execute_within(STATEMENT_TIMEOUT, &between(sql, plan.first, plan.end))
                .await
                .map_err(during(format!("clearing {table}")))?;
        }
        Ok(())
    }

    /// Fills all rollups of one day of the plan, which are empty.
    ///
    /// # Errors
    /// What the warehouse did not do.
    pub async fn backfill_day(&self, plan: &BackfillPlan, day: i64) -> Result<(), BackfillError> {
        let link = self.connected().map_err(during("connecting".to_owned()))?;
        let database = quote_identifier(&link.database);
        let least = if day + DAY_S <= plan.minutes_from { 60 } else { 0 };
        let some_grains = format!("grain_minutes BETWEEN {least} AND 1440");
        let bucketed = VIEWS.iter().map(|view| (view, some_grains.as_str()));
        for (view, condition) in bucketed.chain([(&RELEASES, "true")]) {
            let sql = filling(&database, view, condition);
            self.execute_within(STATEMENT_TIMEOUT, &between(sql, day, day + DAY_S))
                .await
                .map_err(during(format!("filling {} by {}", view.target, view.name)))?;
        }
        Ok(())
    }
}

impl Warehouse {
    /// Makes the weeks anew in which days of the plan lie, from all their days: also those that were left as they are.
    ///
    /// # Errors
    /// What the warehouse did not do.
    pub async fn backfill_weeks(&self, plan: &BackfillPlan) -> Result<(), BackfillError> {
        let link = self.connected().map_err(during("connecting".to_owned()))?;
        let database = quote_identifier(&link.database);
        let first = plan.first.div_euclid(WEEK_S) * WEEK_S;
        let end = (plan.end - 1).div_euclid(WEEK_S) * WEEK_S + WEEK_S;
        let is_within =
            "bucket >= toDateTime({from:Int64}, 'UTC') AND bucket < toDateTime({to:Int64}, 'UTC')";
        for view in WEEKS {
            let table = view.target;
            let days =
                format!("(SELECT * FROM {database}.{table} WHERE grain_minutes = 1440 AND {is_within})");
            let clearing = format!(
                "ALTER TABLE {database}.{table} DELETE WHERE grain_minutes = 10080 AND {is_within} SETTINGS mutations_sync = 1"
            );
            let filling = format!(
                "INSERT INTO {database}.{table} {} SETTINGS insert_deduplicate = 0, \
                 max_bytes_before_external_group_by = {GROUPS_BYTES_MAX}",
                view.select(&days)
            );
            for sql in [clearing, filling] {
                self.execute_within(STATEMENT_TIMEOUT, &between(sql, first, end))
                    .await
                    .map_err(during(format!("weeks of {table}")))?;
            }
        }
        Ok(())
    }

    /// Merges the parts of all rollups, as time does by and by: after much was inserted at once, a bucket stands in many
    /// parts, and a question merges as many states.
    ///
    /// # Errors
    /// What the warehouse did not do.
    pub async fn merge_rollups(&self) -> Result<(), SelectError> {
        let database = quote_identifier(&self.connected()?.database);
        let views = VIEWS.iter().chain([&RELEASES]);
        let tables: BTreeSet<&str> = views.map(|view| view.target).collect();
        for table in tables {
            let statement = Statement::new(format!("OPTIMIZE TABLE {database}.{table} FINAL"));
            self.execute_within(STATEMENT_TIMEOUT, &statement).await?;
        }
        Ok(())
    }
}

/// Fills what a view fills, from the raw rows between two times. Weeks are made of their days. Blocks like those of an earlier
/// run must not be taken for the same insert come twice.
fn filling(database: &str, view: &View, condition: &str) -> String {
    let raw = format!(
        "(SELECT * FROM {database}.{} WHERE ts >= toDateTime64({{from:Int64}}, 3, 'UTC') \
         AND ts < toDateTime64({{to:Int64}}, 3, 'UTC'))",
        view.source
    );
    format!(
        "INSERT INTO {database}.{} SELECT * FROM ({}) WHERE {condition} SETTINGS insert_deduplicate = 0, \
         max_bytes_before_external_group_by = {GROUPS_BYTES_MAX}",
        view.target,
        view.select(&raw),
    )
}

fn during(doing: String) -> impl FnOnce(SelectError) -> BackfillError {
    move |source| BackfillError { doing, source }
}

fn between(sql: String, from: i64, to: i64) -> Statement {
    Statement::new(sql)
        .with("from", Parameter::Integer(from))
        .with("to", Parameter::Integer(to))
}
