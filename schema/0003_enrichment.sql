-- What the server adds to each row. Older rows have empty texts and no visitor.
-- The client's own word of its browser stands in client_alerts.browser, so there the family has another name.
-- Why page and api_endpoint hold names of groups from now on: docs/adr/0007-enrichment.md.

ALTER TABLE {database}.performance_metrics
    ADD COLUMN IF NOT EXISTS browser    LowCardinality(String) COMMENT 'Family of the browser, by the User-Agent' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS os         LowCardinality(String) COMMENT 'Family of the operating system, by the User-Agent' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS device     LowCardinality(String) COMMENT 'desktop, mobile, tablet, tv, bot, other, or empty' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS country    LowCardinality(String) COMMENT 'Country, two letters of ISO 3166-1, or empty' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS visitor_id UInt64                 COMMENT 'Visitor for this day and project, 0 for none' CODEC(ZSTD(1));

ALTER TABLE {database}.funnel_steps
    ADD COLUMN IF NOT EXISTS browser    LowCardinality(String) COMMENT 'Family of the browser, by the User-Agent' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS os         LowCardinality(String) COMMENT 'Family of the operating system, by the User-Agent' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS device     LowCardinality(String) COMMENT 'desktop, mobile, tablet, tv, bot, other, or empty' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS country    LowCardinality(String) COMMENT 'Country, two letters of ISO 3166-1, or empty' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS visitor_id UInt64                 COMMENT 'Visitor for this day and project, 0 for none' CODEC(ZSTD(1));

ALTER TABLE {database}.user_events
    ADD COLUMN IF NOT EXISTS browser    LowCardinality(String) COMMENT 'Family of the browser, by the User-Agent' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS os         LowCardinality(String) COMMENT 'Family of the operating system, by the User-Agent' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS device     LowCardinality(String) COMMENT 'desktop, mobile, tablet, tv, bot, other, or empty' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS country    LowCardinality(String) COMMENT 'Country, two letters of ISO 3166-1, or empty' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS visitor_id UInt64                 COMMENT 'Visitor for this day and project, 0 for none' CODEC(ZSTD(1));

ALTER TABLE {database}.client_alerts
    ADD COLUMN IF NOT EXISTS browser_family LowCardinality(String) COMMENT 'Family of the browser, by the User-Agent' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS os         LowCardinality(String) COMMENT 'Family of the operating system, by the User-Agent' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS device     LowCardinality(String) COMMENT 'desktop, mobile, tablet, tv, bot, other, or empty' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS country    LowCardinality(String) COMMENT 'Country, two letters of ISO 3166-1, or empty' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS visitor_id UInt64                 COMMENT 'Visitor for this day and project, 0 for none' CODEC(ZSTD(1));
