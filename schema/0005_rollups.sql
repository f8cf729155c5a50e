-- Rollups for dashboards. What each is for, and what it costs: docs/adr/0012-rollups.md.
--
-- The views read the inserted block of a raw table. The deduplication token of an insert protects all of them: a block
-- that a table has is still shown to its views.
-- The views' expressions must never throw: the raw rows of the same insert may have been written already.
-- The selects stand in schema/rollups/, because `fresnel backfill` runs them too.
--
-- Parts are always compact, and no column of slices and activity is LowCardinality: a question reads few rows in many places. A file for each
-- column, and a look at all marks of each dictionary, took longer than the rows.

ALTER TABLE {database}.performance_metrics
    ADD COLUMN IF NOT EXISTS sample_weight UInt32 DEFAULT 1 COMMENT 'Events that this one stands for: 1, or more where events were sampled' CODEC(ZSTD(1));

-- Before, there was one table for all dimensions at once, which grew with their product.
DROP VIEW IF EXISTS {database}.performance_metrics_to_minute;

DROP VIEW IF EXISTS {database}.performance_metrics_to_hour;

DROP TABLE IF EXISTS {database}.performance_metrics_minute;

DROP TABLE IF EXISTS {database}.performance_metrics_hour;

CREATE TABLE IF NOT EXISTS {database}.metric_slices
(
    project_id      String                                COMMENT 'Project' CODEC(ZSTD(1)),
    dimension       String                                COMMENT 'What member is a value of: all, page, api_endpoint, effect_id, browser, os, device, country, region or release. Behind environment+ (environment alone for all) each environment is apart, and below 60 minutes always' CODEC(ZSTD(1)),
    grain_minutes   UInt16                                COMMENT 'Length of the bucket in minutes: 1, 15, 60, 360, 1440 or 10080' CODEC(ZSTD(1)),
    type            String                                COMMENT 'Type of metric' CODEC(ZSTD(1)),
    name            String                                COMMENT 'Name of the web vital; empty for other types, and for vitals without one' CODEC(ZSTD(1)),
    environment     String                                COMMENT 'Environment of the frontend; empty where all are one' CODEC(ZSTD(1)),
    bucket          DateTime('UTC')                       COMMENT 'Start of the bucket: a multiple of its length since 1970' CODEC(Delta, ZSTD(1)),
    member          String                                COMMENT 'Value of the dimension; empty for events without one' CODEC(ZSTD(1)),
    count           SimpleAggregateFunction(sum, UInt64)  COMMENT 'Events, by their weights' CODEC(ZSTD(1)),
    error_count     SimpleAggregateFunction(sum, UInt64)  COMMENT 'Events that are errors, by their weights' CODEC(ZSTD(1)),
    good_count      SimpleAggregateFunction(sum, UInt64)  COMMENT 'Web vitals that are good, by their weights' CODEC(ZSTD(1)),
    poor_count      SimpleAggregateFunction(sum, UInt64)  COMMENT 'Web vitals that are poor, by their weights' CODEC(ZSTD(1)),
    value_sum       SimpleAggregateFunction(sum, Float64) COMMENT 'Sum of the values, each times its weight' CODEC(ZSTD(1)),
    value_min       SimpleAggregateFunction(min, Float64) COMMENT 'Least value' CODEC(ZSTD(1)),
    value_max       SimpleAggregateFunction(max, Float64) COMMENT 'Greatest value' CODEC(ZSTD(1)),
    value_quantiles AggregateFunction(quantilesTDigestWeighted(0.5, 0.75, 0.9, 0.95, 0.99), Float64, UInt32) COMMENT 'Mergeable state of the quantiles' CODEC(LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, dimension, grain_minutes, type, name, environment, bucket, member)
TTL bucket + toIntervalDay(if(grain_minutes < 60, {minute_retention_days}, {hour_retention_days}))
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    merge_with_ttl_timeout = 86400, materialize_ttl_recalculate_only = 1, index_granularity = 32,
    min_rows_for_wide_part = 1000000000000, min_bytes_for_wide_part = 1000000000000
COMMENT 'Performance metrics in buckets of all lengths, by one dimension at a time';

CREATE TABLE IF NOT EXISTS {database}.activity
(
    project_id      String                                COMMENT 'Project' CODEC(ZSTD(1)),
    grain_minutes   UInt16                                COMMENT 'Length of the bucket in minutes: 60, 360, 1440 or 10080' CODEC(ZSTD(1)),
    kind            String                                COMMENT 'metric, funnel, event or alert; empty for all of them' CODEC(ZSTD(1)),
    name            String                                COMMENT 'Type of metric, step, type of event, or severity; empty for all of the kind' CODEC(ZSTD(1)),
    bucket          DateTime('UTC')                       COMMENT 'Start of the bucket: a multiple of its length since 1970' CODEC(Delta, ZSTD(1)),
    count           SimpleAggregateFunction(sum, UInt64)  COMMENT 'Events, by their weights' CODEC(ZSTD(1)),
    sessions        AggregateFunction(uniqCombined64If(17), String, UInt8) COMMENT 'Mergeable state of the number of sessions' CODEC(LZ4),
    users           AggregateFunction(uniqCombined64If(17), String, UInt8) COMMENT 'Mergeable state of the number of users' CODEC(LZ4),
    visitors        AggregateFunction(uniqCombined64If(17), UInt64, UInt8) COMMENT 'Mergeable state of the number of visitors; a visitor is another one each day' CODEC(LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, grain_minutes, kind, name, bucket)
TTL bucket + INTERVAL {hour_retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    merge_with_ttl_timeout = 86400, materialize_ttl_recalculate_only = 1, index_granularity = 4, merge_max_block_size = 256,
    min_rows_for_wide_part = 1000000000000, min_bytes_for_wide_part = 1000000000000
COMMENT 'Events of all kinds in buckets of all lengths, with sessions, users and visitors';

-- Never forgotten: a release that is still in use would be seen for the first time again. A row a release.
CREATE TABLE IF NOT EXISTS {database}.releases
(
    project_id      String                                          COMMENT 'Project' CODEC(ZSTD(1)),
    release         String                                          COMMENT 'Release of the frontend' CODEC(ZSTD(1)),
    first_seen      SimpleAggregateFunction(min, DateTime('UTC'))   COMMENT 'Time of the first measurement that has it' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, release)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'When each release was seen for the first time';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.metrics_to_slices_minute TO {database}.metric_slices AS
{select:metrics_to_slices_minute};

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.metrics_to_slices_hour TO {database}.metric_slices AS
{select:metrics_to_slices_hour};

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.metrics_to_activity TO {database}.activity AS
{select:metrics_to_activity};

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.funnel_steps_to_activity TO {database}.activity AS
{select:funnel_steps_to_activity};

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.user_events_to_activity TO {database}.activity AS
{select:user_events_to_activity};

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.client_alerts_to_activity TO {database}.activity AS
{select:client_alerts_to_activity};

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.metrics_to_releases TO {database}.releases AS
{select:metrics_to_releases};
