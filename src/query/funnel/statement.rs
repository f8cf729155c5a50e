//! The statements of a funnel's question.

use super::super::period::Period;
use super::request::FunnelRequest;
use crate::warehouse::{Parameter, Statement};

/// Group of everything that is not among the groups shown.
pub(super) const OTHER_GROUP: &str = "__other__";
/// Beyond this, gathering goes on in files: slower, and within a query's memory.
const SPILL_BYTES: u64 = 300_000_000;
/// An event is one number: its time in milliseconds, and in the lower bits the place of its step in the funnel, from 1
/// on. So numbers sort as the events do.
const PLACE_BITS: u32 = 5;
const PLACE_MASK: u32 = (1 << PLACE_BITS) - 1;

/// What the statements are about.
pub(super) struct Context<'a> {
    pub(super) database: &'a str,
    pub(super) project_id: &'a str,
    pub(super) request: &'a FunnelRequest,
}

/// Rows of the steps, up to a window after the end.
const STEPS: &str = "project_id = {project:String} AND step IN {steps:Array(String)} \
     AND ts >= toDateTime64({range_from:Int64}, 3, 'UTC') AND ts < toDateTime64({steps_to:Int64}, 3, 'UTC')";

impl Context<'_> {
    /// Rows that the index says must be read.
    pub(super) fn estimate(&self, period: &Period) -> Statement {
        let sql =
            format!("EXPLAIN ESTIMATE SELECT ts FROM {{database:Identifier}}.funnel_steps WHERE {STEPS}");
        self.bind(Statement::new(sql), period)
    }

    /// Counts of sessions by furthest step, in all, by group and by bucket of the trend. Looks at every n-th session.
    ///
    /// Sessions are counted once, by group and bucket together; sums of these few rows make the rest. Grouping sets over the
    /// sessions themselves would look at each of them as often as there are sets.
    pub(super) fn statement(&self, period: &Period, every: u64) -> Statement {
        let count = self.request.steps.len();
        let sessions: Vec<String> = (1..=count)
            .map(|place| format!("countIf(level >= {place})"))
            .collect();
        let states: Vec<String> = (2..=count)
            .map(|place| {
                let before = place - 1;
                format!(
                    ",\n        quantilesExactIfState(0.5, 0.9)(toFloat64(chain[{place}] - chain[{before}]), level >= {place}) AS time_{place}"
                )
            })
            .collect();
        let times: Vec<String> = (2..=count)
            .map(|place| format!("quantilesExactIfMerge(0.5, 0.9)(time_{place})"))
            .collect();
        let bucket = self
            .request
            .grid
            .bucket_of("fromUnixTimestamp64Milli(toInt64(chain[1]), 'UTC')");
        let (group, sets) = match self.request.breakdown {
            Some(_) => (self.group(), "(group_value), (bucket_start), ()"),
            None => ("''".to_owned(), "(bucket_start), ()"),
        };
        // A column that is in no set is none that grouping() knows.
        let is_group = match self.request.breakdown {
            Some(_) => "grouping(group_value) = 0",
            None => "false",
        };
        let sql = format!(
            "SELECT {group_shown} AS group_value, bucket_start,\n    \
                 toBool({is_group}) AS is_group, toBool(grouping(bucket_start) = 0) AS is_bucket,\n    \
                 sumForEach(counts) AS sessions,\n    \
                 [{times}] AS times\n\
             FROM (\n    \
                 SELECT {group} AS group_value, {bucket} AS bucket_start,\n        \
                     [{sessions}] AS counts{states}\n    \
                 FROM (\n        SELECT *, length(chain) AS level FROM (\n{chains}\n        )\n    )\n    \
                 GROUP BY group_value, bucket_start\n\
             )\n\
             GROUP BY GROUPING SETS ({sets})\n\
             ORDER BY is_group, is_bucket, sessions[1] DESC, group_value, bucket_start\n\
             SETTINGS max_bytes_before_external_group_by = {SPILL_BYTES}",
            group_shown = if self.request.breakdown.is_some() {
                "group_value"
            } else {
                "''"
            },
            sessions = sessions.join(", "),
            times = times.join(", "),
            states = states.concat(),
            chains = self.chains(),
        );
        let statement = self
            .bind(Statement::new(sql), period)
            .with("window_ms", Parameter::Integer(self.request.window_ms))
            .with(
                "every",
                Parameter::Integer(i64::try_from(every).unwrap_or(i64::MAX)),
            );
        let places = (1..=count).filter_map(|place| i64::try_from(place).ok());
        let statement = statement.with("places", Parameter::Integers(places.collect()));
        let statement = self.request.grid.bind(statement);
        match &self.request.breakdown {
            None => statement,
            Some(property) => property
                .bind(statement, "breakdown_key")
                .with("groups_max", Parameter::Integer(self.request.groups_max))
                .with("other", Parameter::Text(OTHER_GROUP.to_owned())),
        }
    }

    /// One row a session that enters: the times of the steps of the chain that counts.
    ///
    /// Most sessions go straight on: each event is of a later step than the one before it. Then the chain is where the n-th
    /// event is of the n-th step. Only the others are walked through, which takes ten times as long.
    ///
    /// With several entries, a first walk keeps for each step the last entry that has reached it. A later entry has more
    /// time left, so it never does worse than the one that it takes the place of.
    fn chains(&self) -> String {
        let breakdown = match &self.request.breakdown {
            None => String::new(),
            Some(property) => format!(
                ",\n                argMinIf({}, ts, {IS_ENTRY}) AS entered_as",
                property.expression("breakdown_key")
            ),
        };
        let group = if self.request.breakdown.is_some() {
            ", entered_as"
        } else {
            ""
        };
        format!(
            "        SELECT\n            \
                 arrayAll(further -> further > 0,\n                \
                     arrayPopFront(arrayDifference(arrayMap(mark -> toInt8(bitAnd(mark, {PLACE_MASK})), marks)))) AS is_straight,\n            \
                 if(is_straight, emptyArrayUInt64(), marks) AS winding,\n            \
                 arrayFilter(mark -> bitAnd(mark, {PLACE_MASK}) = 1, winding) AS entries,\n            \
                 if(length(entries) <= 1, entries[1],\n                \
                     (arrayFold((reached, mark) ->\n                        \
                         arrayMap((own, before, place) -> multiIf(\n                                \
                             place != bitAnd(mark, {PLACE_MASK}), own,\n                                \
                             place = 1, mark,\n                                \
                             before > own AND bitShiftRight(mark, {PLACE_BITS}) <= bitShiftRight(before, {PLACE_BITS}) + {{window_ms:UInt64}}, before,\n                                \
                             own),\n                            \
                             reached, arrayPopBack(arrayPushFront(reached, toUInt64(0))), {{places:Array(UInt8)}}),\n                        \
                         winding, arrayMap(place -> toUInt64(0), {{places:Array(UInt8)}})\n                    \
                     ) AS entry_of)[arrayLastIndex(entry -> entry > 0, entry_of)]\n                \
                 ) AS entry,\n            \
                 if(is_straight,\n                \
                     arrayMap(mark -> bitShiftRight(mark, {PLACE_BITS}), arrayFilter((mark, place) ->\n                        \
                         bitAnd(mark, {PLACE_MASK}) = place\n                            \
                             AND bitShiftRight(mark, {PLACE_BITS}) <= bitShiftRight(marks[1], {PLACE_BITS}) + {{window_ms:UInt64}},\n                        \
                         marks, arrayEnumerate(marks))),\n                \
                     arrayFold((walked, mark) -> if(\n                        \
                         mark >= entry AND bitAnd(mark, {PLACE_MASK}) = length(walked) + 1\n                            \
                             AND bitShiftRight(mark, {PLACE_BITS}) <= bitShiftRight(entry, {PLACE_BITS}) + {{window_ms:UInt64}},\n                        \
                         arrayPushBack(walked, bitShiftRight(mark, {PLACE_BITS})), walked),\n                    \
                     winding, emptyArrayUInt64())) AS chain{group}\n        \
             FROM (\n            \
                 SELECT arraySort(groupArray(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(ts)), {PLACE_BITS}), \
                     indexOf({{steps:Array(String)}}, step)))) AS marks{breakdown}\n            \
                 FROM {{database:Identifier}}.funnel_steps\n            \
                 WHERE {STEPS}\n                \
                     AND (step != {{steps:Array(String)}}[1] OR ts < toDateTime64({{range_to:Int64}}, 3, 'UTC'))\n                \
                     AND cityHash64(session_id) % {{every:UInt64}} = 0{filters}\n            \
                 GROUP BY cityHash64(session_id)\n        \
             )\n        \
             WHERE notEmpty(chain)",
            filters = self.request.filters.condition(),
        )
    }

    /// The value of a session, if it is one of those with the most entries.
    fn group(&self) -> String {
        let value = self
            .request
            .breakdown
            .as_ref()
            .map(|property| property.expression("breakdown_key"))
            .unwrap_or_default();
        format!(
            "if(entered_as IN (\n            \
                 SELECT {value} AS value FROM {{database:Identifier}}.funnel_steps\n            \
                 WHERE project_id = {{project:String}} AND {IS_ENTRY} AND {in_period}{filters}\n            \
                 GROUP BY value ORDER BY count() DESC, value LIMIT {{groups_max:UInt64}}\n        \
             ), entered_as, {{other:String}})",
            in_period = Period::CONDITION,
            filters = self.request.filters.condition(),
        )
    }

    fn bind(&self, statement: Statement, period: &Period) -> Statement {
        // Rounded up: a row too many does no harm, each chain looks at its window again.
        let steps_to = period.to + self.request.window_ms.div_euclid(1_000) + 1;
        let statement = statement
            .with("database", Parameter::Text(self.database.to_owned()))
            .with("project", Parameter::Text(self.project_id.to_owned()))
            .with("steps", Parameter::Texts(self.request.steps.clone()))
            .with("steps_to", Parameter::Integer(steps_to));
        self.request.filters.bind(period.bind(statement))
    }
}

/// That a row is one of the first step.
const IS_ENTRY: &str = "step = {steps:Array(String)}[1]";
