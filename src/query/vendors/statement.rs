//! The statement about contacts with vendors.

use super::excluded::Excluded;
use crate::warehouse::{Parameter, Statement};

/// What is counted and measured of contacts: the members of `Row` in `totals`, behind its first two.
const COLUMNS: &str = "
    countIf(side = 'relay') AS calls,
    countIf(side = 'relay' AND outcome = 'answered') AS calls_good,
    countIf(side = 'relay' AND origin IN ('hit', 'repeated')) AS calls_kept,
    countIf(outcome = 'left_alone') AS calls_left_alone,
    countIf(side = 'relay' AND status = 429) AS calls_limited,
    sumIf(toUInt64(tries), side = 'relay') AS tries_made,
    countIf(side = 'relay' AND tries > 0) AS calls_tried,
    countIf(side IN ('probe', 'poll')) AS checks,
    countIf(side = 'webhook') AS webhooks,
    countIf(tries > 0) AS seen,
    countIf(tries > 0 AND outcome != 'answered') AS failed,
    countIf(tries > 0 AND outcome = 'timed_out') AS timed_out,
    sumIf(took_ms, tries > 0) AS took_ms_sum,
    countIf(side = 'poll') AS polls,
    sumIf(took_ms, side = 'poll') AS polls_ms_sum,
    countIf(side = 'webhook' AND operation IN ('delivered', 'MessageDelivered')) AS delivered,
    countIf(side = 'webhook' AND operation IN ('undelivered', 'failed', 'bounce', 'bounced', 'dropped', 'rejected', 'blocked', \
        'hard_bounce', 'soft_bounce', 'hardBounce', 'softBounce', 'invalid_email')) AS undelivered,
    quantilesTDigestIf(0.5, 0.95, 0.99)(took_ms, tries > 0) AS took_ms_quantiles,
    toUnixTimestamp64Milli(maxIf(ts, side = 'webhook')) AS last_webhook_ms,
    toUnixTimestamp64Milli(maxIf(ts, side = 'poll' AND outcome = 'answered')) AS last_poll_ms,
    toUnixTimestamp64Milli(maxIf(ts, tries > 0)) AS last_seen_ms,
    toString(argMaxIf(outcome, ts, tries > 0)) AS last_outcome,
    argMaxIf(status, ts, tries > 0) AS last_status";

/// Which contacts, and how they are put together.
pub(super) struct Selection<'a> {
    pub(super) project_id: &'a str,
    /// Of one integration, or of all.
    pub(super) integration: Option<&'a str>,
    /// In seconds since 1970; the end is not part of it.
    pub(super) from_s: i64,
    pub(super) to_s: i64,
    /// Length of a bucket in seconds, counted from the begin; none: all of it at once.
    pub(super) bucket_s: Option<i64>,
    /// What each line is about.
    pub(super) by: By,
    /// Times that do not count.
    pub(super) excluded: &'a [Excluded],
}

/// What lines are about.
#[derive(Clone, Copy)]
pub(super) enum By {
    Integration,
    Operation,
}

impl Selection<'_> {
    pub(super) fn statement(&self, database: &str) -> Statement {
        let bucket = match self.bucket_s {
            Some(_) => {
                "{from:Int64} + intDiv(toInt64(toUnixTimestamp(ts)) - {from:Int64}, {step:Int64}) * {step:Int64}"
            }
            None => "{from:Int64}",
        };
        let name = match self.by {
            By::Integration => "integration",
            By::Operation => "operation",
        };
        let of_one = match self.integration {
            Some(_) => " AND integration = {integration:String}",
            None => "",
        };
        let excluded = Excluded::condition(self.excluded);
        let mut statement = Statement::new(format!(
            "SELECT toString({name}) AS name, toInt64({bucket}) AS bucket_start,{COLUMNS}\n\
             FROM {{database:Identifier}}.vendor_calls\n\
             WHERE project_id = {{project:String}}{of_one} \
             AND ts >= toDateTime64({{from:Int64}}, 3, 'UTC') AND ts < toDateTime64({{to:Int64}}, 3, 'UTC'){excluded}\n\
             GROUP BY name, bucket_start\n\
             ORDER BY name, bucket_start"
        ))
        .with("database", Parameter::Text(database.to_owned()))
        .with("project", Parameter::Text(self.project_id.to_owned()))
        .with("from", Parameter::Integer(self.from_s))
        .with("to", Parameter::Integer(self.to_s));
        if let Some(integration) = self.integration {
            statement = statement.with("integration", Parameter::Text(integration.to_owned()));
        }
        if let Some(bucket_s) = self.bucket_s {
            statement = statement.with("step", Parameter::Integer(bucket_s));
        }
        Excluded::bind(self.excluded, statement)
    }
}
