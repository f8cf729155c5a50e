-- Rules, where they stand, the alerts that came of them, who is told, and what was told to whom. The same tables stand in
-- migrations/postgres.

CREATE TABLE rules (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    is_enabled INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX rules_by_name ON rules (project_id, name);

-- Projects that have had their default rules: who deletes one does not get it again.
CREATE TABLE projects_with_default_rules (
    project_id TEXT PRIMARY KEY REFERENCES projects (id)
) STRICT;

-- No reference to the rule: a state outlives it until its alert is resolved.
CREATE TABLE rule_states (
    rule_id TEXT NOT NULL,
    -- SHA-256 of the values by which the group is told apart.
    group_hash TEXT NOT NULL,
    group_values TEXT NOT NULL,
    status TEXT NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (rule_id, group_hash)
) STRICT;

CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    source TEXT NOT NULL,
    rule_id TEXT,
    -- SHA-256 of what it is an alert of: there is one open alert of each.
    subject TEXT NOT NULL,
    title TEXT NOT NULL,
    level TEXT NOT NULL,
    labels TEXT NOT NULL,
    -- Numbers as texts: they are shown, not compared.
    value TEXT,
    threshold TEXT,
    count INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    started_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    resolved_at_ms INTEGER,
    resolution TEXT,
    actor_kind TEXT,
    actor_id TEXT,
    actor_name TEXT,
    acknowledged_at_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX alerts_open ON alerts (project_id, subject) WHERE resolved_at_ms IS NULL;
CREATE INDEX alerts_by_start ON alerts (project_id, started_at_ms, id);

CREATE TABLE alert_events (
    id TEXT PRIMARY KEY,
    alert_id TEXT NOT NULL,
    project_id TEXT NOT NULL REFERENCES projects (id),
    at_ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    level TEXT NOT NULL,
    value TEXT,
    actor_name TEXT
) STRICT;
CREATE INDEX alert_events_by_alert ON alert_events (alert_id, id);
CREATE INDEX alert_events_by_project ON alert_events (project_id, id);

-- Which channels know that an alert fires.
CREATE TABLE alert_tellings (
    alert_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    level TEXT NOT NULL,
    told_at_ms INTEGER NOT NULL,
    PRIMARY KEY (alert_id, channel_id)
) STRICT;

CREATE TABLE channels (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    definition TEXT NOT NULL,
    -- Where it leads, encrypted.
    sealed_target BLOB NOT NULL,
    disabled_reason TEXT,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX channels_by_name ON channels (project_id, name);

CREATE TABLE silences (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    definition TEXT NOT NULL,
    starts_at_ms INTEGER NOT NULL,
    ends_at_ms INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX silences_by_end ON silences (project_id, ends_at_ms);

CREATE TABLE inhibitions (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    definition TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX inhibitions_by_project ON inhibitions (project_id, created_at_ms);

-- What is to be told, and what was.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    message_id TEXT,
    project_id TEXT NOT NULL REFERENCES projects (id),
    channel_id TEXT NOT NULL,
    alert_id TEXT NOT NULL,
    notice TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at_ms INTEGER NOT NULL,
    holder TEXT NOT NULL,
    lease_until_ms INTEGER NOT NULL,
    last_error TEXT,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_waiting ON outbox (next_at_ms) WHERE state = 'waiting';
CREATE INDEX outbox_in_order ON outbox (channel_id, alert_id, id) WHERE state = 'waiting';
CREATE INDEX outbox_by_project ON outbox (project_id, id);
CREATE INDEX outbox_by_message ON outbox (message_id);

CREATE TABLE delivery_attempts (
    id TEXT PRIMARY KEY,
    message_id TEXT NOT NULL,
    project_id TEXT NOT NULL REFERENCES projects (id),
    channel_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    request_line TEXT NOT NULL,
    request_headers TEXT NOT NULL,
    request_body TEXT NOT NULL,
    status INTEGER,
    response_headers TEXT NOT NULL,
    response_body TEXT NOT NULL,
    error TEXT
) STRICT;
CREATE INDEX delivery_attempts_by_message ON delivery_attempts (message_id, id);
CREATE INDEX delivery_attempts_by_time ON delivery_attempts (at_ms);

-- Work that one node at a time does.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until_ms INTEGER NOT NULL
) STRICT;

-- Times up to which something is done.
CREATE TABLE marks (
    name TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL
) STRICT;
