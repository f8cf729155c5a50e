-- What passes between the project and its vendors: calls that were carried, probes, polls, webhooks.
-- Why a table of its own, beside the measurements of the same calls: docs/adr/0019-vendor-calls.md.

CREATE TABLE IF NOT EXISTS {database}.vendor_calls
(
    event_id    UUID                   COMMENT 'Identity of the contact, a UUIDv7 of the server' CODEC(ZSTD(1)),
    project_id  LowCardinality(String) COMMENT 'Project that the integration belongs to' CODEC(ZSTD(1)),
    ts          DateTime64(3, 'UTC')   COMMENT 'When its end was known' CODEC(Delta, ZSTD(1)),
    integration LowCardinality(String) COMMENT 'Name of the integration in addresses' CODEC(ZSTD(1)),
    service     LowCardinality(String) COMMENT 'Service of the catalogue, or custom' CODEC(ZSTD(1)),
    side        LowCardinality(String) COMMENT 'relay, probe, poll or webhook' CODEC(ZSTD(1)),
    operation   LowCardinality(String) COMMENT 'Method and path, ids taken out; of a webhook what has happened' CODEC(ZSTD(1)),
    outcome     LowCardinality(String) COMMENT 'answered, failed, timed_out, unreachable or left_alone' CODEC(ZSTD(1)),
    origin      LowCardinality(String) COMMENT 'Where the answer comes from: miss (the vendor), hit, repeated; empty when there is none' CODEC(ZSTD(1)),
    status      UInt16                 COMMENT 'HTTP status of the answer, 0 for none' CODEC(ZSTD(1)),
    took_ms     Float64                COMMENT 'Milliseconds of the last try until the head of its answer' CODEC(ZSTD(1)),
    tries       UInt16                 COMMENT 'How often the vendor was called for it' CODEC(ZSTD(1)),
    session_id  String                 COMMENT 'Session for which the product called, if it says so' CODEC(ZSTD(1)),
    page        LowCardinality(String) COMMENT 'Page for which the product called, if it says so' CODEC(ZSTD(1)),
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (project_id, integration, ts)
TTL toDateTime(ts) + INTERVAL {raw_retention_days} DAY
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    merge_with_ttl_timeout = 86400, materialize_ttl_recalculate_only = 1
COMMENT 'One row a contact with a vendor';
