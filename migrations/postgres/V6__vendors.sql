-- What is known of vendors from asking them, and when they may be away. The same tables stand in
-- migrations/sqlite.

CREATE TABLE integration_polls (
    integration_id UUID PRIMARY KEY,
    last_at_ms BIGINT NOT NULL,
    next_at_ms BIGINT NOT NULL,
    interval_ms BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    -- What it said last, for the next question to name.
    etag TEXT,
    last_modified TEXT,
    content_sum TEXT,
    -- When it last said something new.
    changed_at_ms BIGINT,
    error TEXT
);

CREATE TABLE maintenance_windows (
    id UUID PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    -- None: all of the project's.
    integration_id UUID,
    starts_at_ms BIGINT NOT NULL,
    ends_at_ms BIGINT NOT NULL,
    note TEXT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX maintenance_windows_by_time ON maintenance_windows (project_id, ends_at_ms);
