-- The conservation ledger: what was received, added up by each node from its log. What is stored is not in here: it is
-- counted in the raw tables when somebody asks (docs/adr/0009-ledger.md).

CREATE TABLE IF NOT EXISTS {database}.ledger
(
    project_id      LowCardinality(String)                COMMENT 'Project' CODEC(ZSTD(1)),
    minute          DateTime('UTC')                       COMMENT 'Minute in which the items were received' CODEC(Delta, ZSTD(1)),
    kind            LowCardinality(String)                COMMENT 'metric, alert, funnel, event, or unknown' CODEC(ZSTD(1)),
    outcome         LowCardinality(String)                COMMENT 'accepted, client_lost, or the reason why the items are not stored' CODEC(ZSTD(1)),
    node            LowCardinality(String)                COMMENT 'Random id of the log that the items came through' CODEC(ZSTD(1)),
    items           SimpleAggregateFunction(sum, Int64)   COMMENT 'Items' CODEC(ZSTD(1)),
    segment_max     SimpleAggregateFunction(max, UInt64)  COMMENT 'Last segment of that log that is added up here' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY tuple()
ORDER BY (project_id, minute, kind, outcome, node)
TTL minute + INTERVAL {raw_retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    merge_with_ttl_timeout = 86400, materialize_ttl_recalculate_only = 1
COMMENT 'Items that were received, by what became of them';

-- Rows lie by the time of the event; these find them by the time of their reception. Parts from before have none
-- until they are merged, and are read as a whole.
ALTER TABLE {database}.performance_metrics ADD INDEX IF NOT EXISTS by_reception received_at TYPE minmax GRANULARITY 1;
ALTER TABLE {database}.funnel_steps ADD INDEX IF NOT EXISTS by_reception received_at TYPE minmax GRANULARITY 1;
ALTER TABLE {database}.user_events ADD INDEX IF NOT EXISTS by_reception received_at TYPE minmax GRANULARITY 1;
ALTER TABLE {database}.client_alerts ADD INDEX IF NOT EXISTS by_reception received_at TYPE minmax GRANULARITY 1;
