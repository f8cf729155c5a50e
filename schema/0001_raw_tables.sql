-- The raw tables: one row an event, exactly the columns of src/domain/table.rs in their order.
-- Why the keys, codecs and settings are what they are: docs/adr/0003-warehouse-schema.md.

CREATE TABLE IF NOT EXISTS {database}.performance_metrics
(
    event_id        UUID                                COMMENT 'Identity of the event: sent by the client, or a UUIDv7 of the server' CODEC(ZSTD(1)),
    project_id      LowCardinality(String)              COMMENT 'Project that the event belongs to' CODEC(ZSTD(1)),
    ts              DateTime64(3, 'UTC')                COMMENT 'Time of the event, skew of the client clock taken out' CODEC(Delta, ZSTD(1)),
    received_at     DateTime64(3, 'UTC')                COMMENT 'Time at which the server received the event' CODEC(Delta, ZSTD(1)),
    client_ts       Nullable(DateTime64(3, 'UTC'))      COMMENT 'Time by the clock of the client, as sent' CODEC(Delta, ZSTD(1)),
    session_id      String                              COMMENT 'Session of the client, 1 to 100 characters' CODEC(ZSTD(1)),
    user_id         String                              COMMENT 'User as sent, empty when not sent' CODEC(ZSTD(1)),
    flags           UInt16                              COMMENT 'Bit 0: metadata was cut. Bit 1: ts was replaced by the time of the server' CODEC(ZSTD(1)),
    type            LowCardinality(String)              COMMENT 'page_load_time, api_response_time, effect_processing_time or core_web_vitals' CODEC(ZSTD(1)),
    name            LowCardinality(String)              COMMENT 'Name of the web vital (LCP, INP, CLS, FCP, TTFB), else as sent or empty' CODEC(ZSTD(1)),
    value           Float64                             COMMENT 'Measured value in milliseconds, without unit for CLS' CODEC(ZSTD(1)),
    page            LowCardinality(String)              COMMENT 'Page, empty when not sent' CODEC(ZSTD(1)),
    api_endpoint    LowCardinality(String)              COMMENT 'Called endpoint, empty when not sent' CODEC(ZSTD(1)),
    method          LowCardinality(String)              COMMENT 'HTTP method of the call, empty when not sent' CODEC(ZSTD(1)),
    status          UInt16                              COMMENT 'HTTP status of the call, 0 when not sent' CODEC(ZSTD(1)),
    region          LowCardinality(String)              COMMENT 'Region, empty when not sent' CODEC(ZSTD(1)),
    effect_id       LowCardinality(String)              COMMENT 'Effect, empty when not sent' CODEC(ZSTD(1)),
    error_context   String                              COMMENT 'What went wrong, empty when nothing did' CODEC(ZSTD(1)),
    release         LowCardinality(String)              COMMENT 'Release of the frontend, empty when not sent' CODEC(ZSTD(1)),
    environment     LowCardinality(String)              COMMENT 'Environment of the frontend, empty when not sent' CODEC(ZSTD(1)),
    rating          LowCardinality(String)              COMMENT 'Rating of a web vital as the client sent it' CODEC(ZSTD(1)),
    navigation_type LowCardinality(String)              COMMENT 'Kind of navigation of a web vital as the client sent it' CODEC(ZSTD(1)),
    metadata        JSON(max_dynamic_paths=8)           COMMENT 'All further keys of the metadata' CODEC(ZSTD(1)),
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_user user_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (project_id, type, ts)
TTL toDateTime(ts) + INTERVAL {raw_retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    merge_with_ttl_timeout = 86400, materialize_ttl_recalculate_only = 1
COMMENT 'One row a measurement of performance';

CREATE TABLE IF NOT EXISTS {database}.funnel_steps
(
    event_id        UUID                                COMMENT 'Identity of the event: sent by the client, or a UUIDv7 of the server' CODEC(ZSTD(1)),
    project_id      LowCardinality(String)              COMMENT 'Project that the event belongs to' CODEC(ZSTD(1)),
    ts              DateTime64(3, 'UTC')                COMMENT 'Time of the event, skew of the client clock taken out' CODEC(Delta, ZSTD(1)),
    received_at     DateTime64(3, 'UTC')                COMMENT 'Time at which the server received the event' CODEC(Delta, ZSTD(1)),
    client_ts       Nullable(DateTime64(3, 'UTC'))      COMMENT 'Time by the clock of the client, as sent' CODEC(Delta, ZSTD(1)),
    session_id      String                              COMMENT 'Session of the client, 1 to 100 characters' CODEC(ZSTD(1)),
    user_id         String                              COMMENT 'User as sent, empty when not sent' CODEC(ZSTD(1)),
    flags           UInt16                              COMMENT 'Bit 0: metadata was cut. Bit 1: ts was replaced by the time of the server' CODEC(ZSTD(1)),
    step            LowCardinality(String)              COMMENT 'Step of a funnel: one of the nine standard ones, or one of the project' CODEC(ZSTD(1)),
    effect_id       LowCardinality(String)              COMMENT 'Effect, empty when not sent' CODEC(ZSTD(1)),
    metadata        JSON(max_dynamic_paths=8)           COMMENT 'All keys of the metadata' CODEC(ZSTD(1)),
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_user user_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (project_id, step, ts)
TTL toDateTime(ts) + INTERVAL {raw_retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    merge_with_ttl_timeout = 86400, materialize_ttl_recalculate_only = 1
COMMENT 'One row a step of a funnel';

CREATE TABLE IF NOT EXISTS {database}.user_events
(
    event_id        UUID                                COMMENT 'Identity of the event: sent by the client, or a UUIDv7 of the server' CODEC(ZSTD(1)),
    project_id      LowCardinality(String)              COMMENT 'Project that the event belongs to' CODEC(ZSTD(1)),
    ts              DateTime64(3, 'UTC')                COMMENT 'Time of the event, skew of the client clock taken out' CODEC(Delta, ZSTD(1)),
    received_at     DateTime64(3, 'UTC')                COMMENT 'Time at which the server received the event' CODEC(Delta, ZSTD(1)),
    client_ts       Nullable(DateTime64(3, 'UTC'))      COMMENT 'Time by the clock of the client, as sent' CODEC(Delta, ZSTD(1)),
    session_id      String                              COMMENT 'Session of the client, 1 to 100 characters' CODEC(ZSTD(1)),
    user_id         String                              COMMENT 'User as sent, empty when not sent' CODEC(ZSTD(1)),
    flags           UInt16                              COMMENT 'Bit 0: metadata was cut. Bit 1: ts was replaced by the time of the server' CODEC(ZSTD(1)),
    event_type      LowCardinality(String)              COMMENT 'Type of the event: one of the seven standard ones, or one of the project' CODEC(ZSTD(1)),
    event_data      JSON(max_dynamic_paths=8)           COMMENT 'The data of the event' CODEC(ZSTD(1)),
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_user user_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (project_id, event_type, ts)
TTL toDateTime(ts) + INTERVAL {raw_retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    merge_with_ttl_timeout = 86400, materialize_ttl_recalculate_only = 1
COMMENT 'One row an event of a user';

CREATE TABLE IF NOT EXISTS {database}.client_alerts
(
    event_id        UUID                                COMMENT 'Identity of the event: sent by the client, or a UUIDv7 of the server' CODEC(ZSTD(1)),
    project_id      LowCardinality(String)              COMMENT 'Project that the event belongs to' CODEC(ZSTD(1)),
    ts              DateTime64(3, 'UTC')                COMMENT 'Time of the event, skew of the client clock taken out' CODEC(Delta, ZSTD(1)),
    received_at     DateTime64(3, 'UTC')                COMMENT 'Time at which the server received the event' CODEC(Delta, ZSTD(1)),
    client_ts       Nullable(DateTime64(3, 'UTC'))      COMMENT 'Time by the clock of the client, as sent' CODEC(Delta, ZSTD(1)),
    session_id      String                              COMMENT 'Session of the client, empty when not sent' CODEC(ZSTD(1)),
    user_id         String                              COMMENT 'User as sent, empty when not sent' CODEC(ZSTD(1)),
    flags           UInt16                              COMMENT 'Bit 0: metadata was cut. Bit 1: ts was replaced by the time of the server' CODEC(ZSTD(1)),
    severity        LowCardinality(String)              COMMENT 'warning, error or critical' CODEC(ZSTD(1)),
    metric          LowCardinality(String)              COMMENT 'Metric that the client watched' CODEC(ZSTD(1)),
    threshold       Float64                             COMMENT 'Threshold that was crossed' CODEC(ZSTD(1)),
    actual_value    Float64                             COMMENT 'Value that crossed it' CODEC(ZSTD(1)),
    browser         LowCardinality(String)              COMMENT 'Browser as the client sent it' CODEC(ZSTD(1)),
    device_type     LowCardinality(String)              COMMENT 'Kind of device as the client sent it' CODEC(ZSTD(1)),
    user_context    JSON(max_dynamic_paths=8)           COMMENT 'All further keys of the user context' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (project_id, metric, severity, ts)
TTL toDateTime(ts) + INTERVAL {raw_retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    merge_with_ttl_timeout = 86400, materialize_ttl_recalculate_only = 1
COMMENT 'One row an alert that a client raised';
