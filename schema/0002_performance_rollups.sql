-- Performance metrics per minute and per hour. Both views read the inserted block of the raw table, so that
-- the deduplication token of an insert protects the raw table and both rollups alike.
--
-- A row is an error when its status is 500 or more, or when it carries an error context.
-- The view's expressions must never throw: the raw rows of the same insert may have been written already.

CREATE TABLE IF NOT EXISTS {database}.performance_metrics_minute
(
    project_id      LowCardinality(String)              COMMENT 'Project' CODEC(ZSTD(1)),
    type            LowCardinality(String)              COMMENT 'Type of metric' CODEC(ZSTD(1)),
    name            LowCardinality(String)              COMMENT 'Name of the web vital, else as sent or empty' CODEC(ZSTD(1)),
    bucket          DateTime('UTC')                     COMMENT 'Start of the minute' CODEC(Delta, ZSTD(1)),
    page            LowCardinality(String)              COMMENT 'Page' CODEC(ZSTD(1)),
    api_endpoint    LowCardinality(String)              COMMENT 'Called endpoint' CODEC(ZSTD(1)),
    release         LowCardinality(String)              COMMENT 'Release of the frontend' CODEC(ZSTD(1)),
    environment     LowCardinality(String)              COMMENT 'Environment of the frontend' CODEC(ZSTD(1)),
    count           SimpleAggregateFunction(sum, UInt64)  COMMENT 'Events' CODEC(ZSTD(1)),
    error_count     SimpleAggregateFunction(sum, UInt64)  COMMENT 'Events that are errors' CODEC(ZSTD(1)),
    value_sum       SimpleAggregateFunction(sum, Float64) COMMENT 'Sum of the values' CODEC(ZSTD(1)),
    value_min       SimpleAggregateFunction(min, Float64) COMMENT 'Least value' CODEC(ZSTD(1)),
    value_max       SimpleAggregateFunction(max, Float64) COMMENT 'Greatest value' CODEC(ZSTD(1)),
    value_quantiles AggregateFunction(quantilesTDigest(0.5, 0.75, 0.9, 0.95, 0.99), Float64) COMMENT 'Mergeable state of the quantiles' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, type, name, bucket, page, api_endpoint, release, environment)
TTL bucket + INTERVAL {minute_retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    merge_with_ttl_timeout = 86400, materialize_ttl_recalculate_only = 1
COMMENT 'Performance metrics per minute';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.performance_metrics_to_minute TO {database}.performance_metrics_minute AS
SELECT
    project_id, type, name, toStartOfMinute(ts) AS bucket, page, api_endpoint, release, environment,
    count() AS count,
    countIf(status >= 500 OR error_context != '') AS error_count,
    sum(value) AS value_sum,
    min(value) AS value_min,
    max(value) AS value_max,
    quantilesTDigestState(0.5, 0.75, 0.9, 0.95, 0.99)(value) AS value_quantiles
FROM {database}.performance_metrics
GROUP BY project_id, type, name, bucket, page, api_endpoint, release, environment;

CREATE TABLE IF NOT EXISTS {database}.performance_metrics_hour
(
    project_id      LowCardinality(String)              COMMENT 'Project' CODEC(ZSTD(1)),
    type            LowCardinality(String)              COMMENT 'Type of metric' CODEC(ZSTD(1)),
    name            LowCardinality(String)              COMMENT 'Name of the web vital, else as sent or empty' CODEC(ZSTD(1)),
    bucket          DateTime('UTC')                     COMMENT 'Start of the hour' CODEC(Delta, ZSTD(1)),
    page            LowCardinality(String)              COMMENT 'Page' CODEC(ZSTD(1)),
    api_endpoint    LowCardinality(String)              COMMENT 'Called endpoint' CODEC(ZSTD(1)),
    release         LowCardinality(String)              COMMENT 'Release of the frontend' CODEC(ZSTD(1)),
    environment     LowCardinality(String)              COMMENT 'Environment of the frontend' CODEC(ZSTD(1)),
    count           SimpleAggregateFunction(sum, UInt64)  COMMENT 'Events' CODEC(ZSTD(1)),
    error_count     SimpleAggregateFunction(sum, UInt64)  COMMENT 'Events that are errors' CODEC(ZSTD(1)),
    value_sum       SimpleAggregateFunction(sum, Float64) COMMENT 'Sum of the values' CODEC(ZSTD(1)),
    value_min       SimpleAggregateFunction(min, Float64) COMMENT 'Least value' CODEC(ZSTD(1)),
    value_max       SimpleAggregateFunction(max, Float64) COMMENT 'Greatest value' CODEC(ZSTD(1)),
    value_quantiles AggregateFunction(quantilesTDigest(0.5, 0.75, 0.9, 0.95, 0.99), Float64) COMMENT 'Mergeable state of the quantiles' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, type, name, bucket, page, api_endpoint, release, environment)
TTL bucket + INTERVAL {hour_retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    merge_with_ttl_timeout = 86400, materialize_ttl_recalculate_only = 1
COMMENT 'Performance metrics per hour';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.performance_metrics_to_hour TO {database}.performance_metrics_hour AS
SELECT
    project_id, type, name, toStartOfHour(ts) AS bucket, page, api_endpoint, release, environment,
    count() AS count,
    countIf(status >= 500 OR error_context != '') AS error_count,
    sum(value) AS value_sum,
    min(value) AS value_min,
    max(value) AS value_max,
    quantilesTDigestState(0.5, 0.75, 0.9, 0.95, 0.99)(value) AS value_quantiles
FROM {database}.performance_metrics
GROUP BY project_id, type, name, bucket, page, api_endpoint, release, environment;
