-- What is known of vendors from asking them, and when they may be away. The same tables stand in
-- migrations/postgres.

CREATE TABLE integration_polls (
    integration_id TEXT PRIMARY KEY,
    last_at_ms INTEGER NOT NULL,
    next_at_ms INTEGER NOT NULL,
    interval_ms INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    -- What it said last, for the next question to name.
    etag TEXT,
    last_modified TEXT,
    content_sum TEXT,
    -- When it last said something new.
    changed_at_ms INTEGER,
    error TEXT
) STRICT;

CREATE TABLE maintenance_windows (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    -- None: all of the project's.
    integration_id TEXT,
    starts_at_ms INTEGER NOT NULL,
    ends_at_ms INTEGER NOT NULL,
    note TEXT,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX maintenance_windows_by_time ON maintenance_windows (project_id, ends_at_ms);
