//! Names and meanings of every metric that `/metrics` shows.

use metrics::{Counter, Unit, counter, describe_counter, describe_gauge, describe_histogram};

/// Beacons acknowledged, by `kind`.
pub const BEACONS_ACCEPTED: &str = "fresnel_beacons_accepted_total";
/// Beacons acknowledged because they are stored since an earlier time, by `kind`.
pub const BEACONS_REPEATED: &str = "fresnel_beacons_repeated_total";
/// Beacons of known robots, acknowledged and dropped, by `kind`.
pub const BEACONS_OF_ROBOTS: &str = "fresnel_beacons_of_robots_total";
/// Beacons refused, by `kind` and `reason`.
pub const BEACONS_REJECTED: &str = "fresnel_beacons_rejected_total";
/// Requests answered, by `route`, `method` and `status`.
pub const REQUESTS: &str = "fresnel_http_requests_total";
/// Time from a request's head to the answer's, by `route`.
pub const REQUEST_SECONDS: &str = "fresnel_http_request_duration_seconds";
/// Names of pages, endpoints and the like that were stored as `__other__`, by `field`.
pub const NAMES_FOLDED: &str = "fresnel_names_folded_total";
/// Connections that ended without a request: their heads were slow, malformed or too large, or they sent nothing.
pub const CONNECTIONS_WITHOUT_REQUEST: &str = "fresnel_http_connections_without_request_total";
/// Bytes that the log takes on disk.
pub const WAL_BYTES: &str = "fresnel_wal_bytes";
/// Sealed segments that wait for the warehouse.
pub const WAL_SEGMENTS_WAITING: &str = "fresnel_wal_segments_waiting";
/// Age of the oldest row that the warehouse has not taken.
pub const WAL_OLDEST_SECONDS: &str = "fresnel_wal_oldest_unflushed_seconds";
/// Commits of the log.
pub const WAL_COMMITS: &str = "fresnel_wal_commits_total";
/// Rows that the warehouse has taken.
pub const FLUSH_ROWS: &str = "fresnel_flush_rows_total";
/// Rows that the warehouse refused for good.
pub const FLUSH_DEAD_LETTERS: &str = "fresnel_flush_dead_letters_total";
/// Inserts that had to be sent again.
pub const FLUSH_RETRIES: &str = "fresnel_flush_retries_total";
/// Ids of beacons that were forgotten before their time, for want of room.
pub const DEDUP_FORGOTTEN: &str = "fresnel_dedup_ids_forgotten_total";
/// Segments whose notes for the next start could not be written down.
pub const RECALL_LOST: &str = "fresnel_recall_segments_lost_total";
/// Ids of beacons that were taken without asking the other nodes, because Redis did not answer.
pub const PEERS_UNASKED: &str = "fresnel_peers_ids_unasked_total";
/// Ids whose fate the other nodes were not told.
pub const PEERS_UNTOLD: &str = "fresnel_peers_ids_untold_total";
/// Items of the last hour that were accepted and are not stored, or the other way round.
pub const LEDGER_MISSING: &str = "fresnel_ledger_missing_items";
/// Questions, by `outcome`: `hit`, `new`, `degraded`, `failed`.
pub const CACHE_LOOKUPS: &str = "fresnel_cache_lookups_total";
/// Look-ups in the Redis behind the cache, by `outcome`: `hit`, `miss`, `unanswered`.
pub const CACHE_REDIS_LOOKUPS: &str = "fresnel_cache_redis_lookups_total";
/// Answers that are kept.
pub const CACHE_ENTRIES: &str = "fresnel_cache_entries";
/// Memory that they take.
pub const CACHE_BYTES: &str = "fresnel_cache_bytes";
/// Queries that the warehouse was asked, by `outcome`: `answered`, `failed`.
pub const WAREHOUSE_QUERIES: &str = "fresnel_warehouse_queries_total";
/// The breaker before the warehouse: 0 closed, 1 half-open, 2 open.
pub const WAREHOUSE_BREAKER: &str = "fresnel_warehouse_breaker";
/// 1 while the warehouse can be reached.
pub const WAREHOUSE_UP: &str = "fresnel_warehouse_up";
/// Beacons that the tap had no room for.
pub const TAP_MISSED: &str = "fresnel_tap_missed_total";
/// Alerts that are not over.
pub const ALERTS_OPEN: &str = "fresnel_alerts_open";
/// Rules that were evaluated, by `outcome`.
pub const RULE_EVALUATIONS: &str = "fresnel_rule_evaluations_total";
/// Groups that a rule had no room for.
pub const RULE_GROUPS_LEFT_OUT: &str = "fresnel_rule_groups_left_out_total";
/// Tries to send messages of alerts, by `kind` of channel and `outcome`.
pub const ALERT_DELIVERIES: &str = "fresnel_alert_deliveries_total";
/// Calls to addresses that users supply, by `purpose` and `outcome`.
pub const OUTBOUND_CALLS: &str = "fresnel_outbound_calls_total";
/// Webhooks of vendors, by `outcome`.
pub const HOOKS: &str = "fresnel_hooks_total";
/// Windows of vendors' limits of which four fifths were used.
pub const VENDOR_LIMITS_SHORT: &str = "fresnel_vendor_limits_short_total";
/// Vendors' credentials that end within two weeks, or have ended.
pub const CREDENTIALS_ENDING: &str = "fresnel_vendor_credentials_ending";
/// Starts of the embedded engine after its first one.
pub const ENGINE_RESTARTS: &str = "fresnel_engine_restarts_total";
/// Wrong credentials shown to the API, by `kind`.
pub const AUTH_FAILURES: &str = "fresnel_auth_failures_total";
/// Credentials that were not looked at, because their network has shown too many wrong ones.
pub const AUTH_REFUSED: &str = "fresnel_auth_refused_total";
/// Spans that did not reach the collector of traces, by `reason`.
pub const TRACE_SPANS_LOST: &str = "fresnel_trace_spans_lost_total";
/// How short memory is: 0 not at all, 1 a warning, 2 critical.
pub const MEMORY_PRESSURE: &str = "fresnel_memory_pressure";
/// Memory that this process may take.
pub const MEMORY_LIMIT_BYTES: &str = "fresnel_memory_limit_bytes";
/// Resident memory of this process.
pub const PROCESS_RESIDENT_BYTES: &str = "process_resident_memory_bytes";

/// Describes every metric to the recorder that is installed.
pub fn describe() {
    describe_questions();
    describe_alerts();
    describe_log();
    describe_counter!(BEACONS_ACCEPTED, "Beacons acknowledged");
    describe_counter!(
        BEACONS_REPEATED,
        "Beacons acknowledged because they are stored since an earlier time"
    );
    describe_counter!(
        BEACONS_OF_ROBOTS,
        "Beacons of known robots, acknowledged and dropped"
    );
    describe_counter!(BEACONS_REJECTED, "Beacons refused");
    describe_counter!(REQUESTS, "HTTP requests answered");
    describe_histogram!(REQUEST_SECONDS, Unit::Seconds, "Time to answer a request");
    describe_counter!(
        NAMES_FOLDED,
        "Names beyond the limit of a project's field, stored as __other__"
    );
    describe_counter!(
        CONNECTIONS_WITHOUT_REQUEST,
        "Connections that ended without a request: slow, malformed or too large a head, or nothing sent"
    );
    describe_counter!(
        DEDUP_FORGOTTEN,
        "Ids of beacons that were forgotten before their time, for want of room"
    );
    describe_counter!(
        RECALL_LOST,
        "Segments whose quota counts and ids could not be written down for the next start"
    );
    describe_counter!(OUTBOUND_CALLS, "Calls to addresses that users supply");
    describe_counter!(HOOKS, "Webhooks of vendors");
    describe_counter!(
        VENDOR_LIMITS_SHORT,
        "Windows of vendors' limits of which four fifths were used"
    );
    describe_gauge!(
        CREDENTIALS_ENDING,
        "Vendors' credentials that end within two weeks, or have ended"
    );
    describe_counter!(
        PEERS_UNASKED,
        "Ids of beacons that were taken without asking the other nodes, because Redis did not answer"
    );
    describe_counter!(PEERS_UNTOLD, "Ids whose fate the other nodes were not told");
    describe_gauge!(
        LEDGER_MISSING,
        "Items of the last hour that were accepted and are not stored, or the other way round; 0 is well"
    );
    describe_counter!(
        ENGINE_RESTARTS,
        "Starts of the embedded engine after its first one"
    );
    describe_counter!(AUTH_FAILURES, "Wrong credentials shown to the API");
    describe_counter!(
        AUTH_REFUSED,
        "Credentials that were not looked at, because their network has shown too many wrong ones"
    );
    describe_counter!(
        TRACE_SPANS_LOST,
        "Spans that did not reach the collector of traces"
    );
    describe_gauge!(
        MEMORY_PRESSURE,
        "How short memory is: 0 not at all, 1 a warning, 2 critical"
    );
    describe_gauge!(
        MEMORY_LIMIT_BYTES,
        Unit::Bytes,
        "Memory that this process may take"
    );
    describe_gauge!(
        PROCESS_RESIDENT_BYTES,
        Unit::Bytes,
        "Resident memory of this process"
    );
}

/// The same for what becomes of questions.
fn describe_log() {
    describe_gauge!(WAL_BYTES, Unit::Bytes, "Bytes that the log takes on disk");
    describe_gauge!(
        WAL_SEGMENTS_WAITING,
        "Sealed segments that wait for the warehouse"
    );
    describe_gauge!(
        WAL_OLDEST_SECONDS,
        Unit::Seconds,
        "Age of the oldest row that the warehouse has not taken"
    );
    describe_counter!(WAL_COMMITS, "Commits of the log");
    describe_counter!(FLUSH_ROWS, "Rows that the warehouse has taken");
    describe_counter!(FLUSH_DEAD_LETTERS, "Rows that the warehouse refused for good");
    describe_counter!(FLUSH_RETRIES, "Inserts that had to be sent again");
}

fn describe_alerts() {
    describe_counter!(
        TAP_MISSED,
        "Beacons that were not looked at as they passed, for want of room; the sweep looks at them later"
    );
    describe_gauge!(ALERTS_OPEN, "Alerts that are not over");
    describe_counter!(RULE_EVALUATIONS, "Rules that were evaluated");
    describe_counter!(
        RULE_GROUPS_LEFT_OUT,
        "Times that a group was not looked at because its rule knows as many as it may"
    );
    describe_counter!(ALERT_DELIVERIES, "Tries to send messages of alerts");
}

fn describe_questions() {
    describe_gauge!(WAREHOUSE_UP, "1 while the warehouse can be reached");
    describe_counter!(CACHE_LOOKUPS, "Questions, by what they were answered with");
    describe_counter!(CACHE_REDIS_LOOKUPS, "Look-ups in the Redis behind the cache");
    describe_gauge!(CACHE_ENTRIES, "Answers that are kept");
    describe_gauge!(CACHE_BYTES, Unit::Bytes, "Memory that kept answers take");
    describe_counter!(WAREHOUSE_QUERIES, "Queries that the warehouse was asked");
    describe_gauge!(
        WAREHOUSE_BREAKER,
        "The breaker before the warehouse: 0 closed, 1 half-open, 2 open"
    );
}

/// The ingest path's counters, looked up once: a look-up by labels on each request would cost more than the
/// count.
#[derive(Debug)]
pub struct IngestCounters {
    accepted: Vec<Counter>,
    repeated: Vec<Counter>,
    robots: Vec<Counter>,
    rejected: Vec<Vec<Counter>>,
}

impl IngestCounters {
    /// Counters for these kinds and reasons; they are addressed by their place in the lists.
    #[must_use]
    pub fn new(kinds: &[&'static str], reasons: &[&'static str]) -> Self {
        Self {
            accepted: kinds.iter().map(|kind| counter!(BEACONS_ACCEPTED, "kind" => *kind)).collect(),
            repeated: kinds.iter().map(|kind| counter!(BEACONS_REPEATED, "kind" => *kind)).collect(),
            robots: kinds.iter().map(|kind| counter!(BEACONS_OF_ROBOTS, "kind" => *kind)).collect(),
            rejected: kinds
                .iter()
                .map(|kind| {
                    let of_kind = |reason: &&'static str| {
                        counter!(BEACONS_REJECTED, "kind" => *kind, "reason" => *reason)
                    };
                    reasons.iter().map(of_kind).collect()
                })
                .collect(),
        }
    }

    /// Counts one acknowledged beacon.
    pub fn accepted(&self, kind: usize) {
        if let Some(counter) = self.accepted.get(kind) {
            counter.increment(1);
        }
    }

    /// Counts one beacon that came again.
    pub fn repeated(&self, kind: usize) {
        if let Some(counter) = self.repeated.get(kind) {
            counter.increment(1);
        }
    }

    /// Counts one beacon of a robot.
    pub fn robot(&self, kind: usize) {
        if let Some(counter) = self.robots.get(kind) {
            counter.increment(1);
        }
    }

    /// Counts one refused beacon.
    pub fn rejected(&self, kind: usize, reason: usize) {
        if let Some(counter) = self.rejected.get(kind).and_then(|reasons| reasons.get(reason)) {
            counter.increment(1);
        }
    }
}

/// Counters of folded names, by field.
#[derive(Debug)]
pub struct FoldedNames(Vec<Counter>);

impl FoldedNames {
    /// Counters for these fields; they are addressed by their place in the list.
    #[must_use]
    pub fn new(fields: &[&'static str]) -> Self {
        Self(
            fields
                .iter()
                .map(|field| counter!(NAMES_FOLDED, "field" => *field))
                .collect(),
        )
    }

    /// Counts one name that was folded.
    pub fn count(&self, field: usize) {
        if let Some(counter) = self.0.get(field) {
            counter.increment(1);
        }
    }
}
