-- Rules, where they stand, the alerts that came of them, who is told, and what was told to whom. The same tables stand in
-- migrations/sqlite.

CREATE TABLE rules (
    id UUID PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    name TEXT COLLATE "C" NOT NULL,
    definition TEXT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE UNIQUE INDEX rules_by_name ON rules (project_id, name);

-- Projects that have had their default rules: who deletes one does not get it again.
CREATE TABLE projects_with_default_rules (
    project_id TEXT COLLATE "C" PRIMARY KEY REFERENCES projects (id)
);

-- No reference to the rule: a state outlives it until its alert is resolved.
CREATE TABLE rule_states (
    rule_id UUID NOT NULL,
    -- SHA-256 of the values by which the group is told apart.
    group_hash TEXT COLLATE "C" NOT NULL,
    group_values TEXT NOT NULL,
    status TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (rule_id, group_hash)
);

CREATE TABLE alerts (
    id UUID PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    source TEXT NOT NULL,
    rule_id UUID,
    -- SHA-256 of what it is an alert of: there is one open alert of each.
    subject TEXT COLLATE "C" NOT NULL,
    title TEXT NOT NULL,
    level TEXT NOT NULL,
    labels TEXT NOT NULL,
    -- Numbers as texts: they are shown, not compared.
    value TEXT,
    threshold TEXT,
    count BIGINT NOT NULL,
    sessions BIGINT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    resolved_at_ms BIGINT,
    resolution TEXT,
    actor_kind TEXT,
    actor_id UUID,
    actor_name TEXT,
    acknowledged_at_ms BIGINT
);
CREATE UNIQUE INDEX alerts_open ON alerts (project_id, subject) WHERE resolved_at_ms IS NULL;
CREATE INDEX alerts_by_start ON alerts (project_id, started_at_ms, id);

CREATE TABLE alert_events (
    id UUID PRIMARY KEY,
    alert_id UUID NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    at_ms BIGINT NOT NULL,
    event TEXT NOT NULL,
    level TEXT NOT NULL,
    value TEXT,
    actor_name TEXT
);
CREATE INDEX alert_events_by_alert ON alert_events (alert_id, id);
CREATE INDEX alert_events_by_project ON alert_events (project_id, id);

-- Which channels know that an alert fires.
CREATE TABLE alert_tellings (
    alert_id UUID NOT NULL,
    channel_id UUID NOT NULL,
    level TEXT NOT NULL,
    told_at_ms BIGINT NOT NULL,
    PRIMARY KEY (alert_id, channel_id)
);

CREATE TABLE channels (
    id UUID PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    definition TEXT NOT NULL,
    -- Where it leads, encrypted.
    sealed_target BYTEA NOT NULL,
    disabled_reason TEXT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE UNIQUE INDEX channels_by_name ON channels (project_id, name);

CREATE TABLE silences (
    id UUID PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    definition TEXT NOT NULL,
    starts_at_ms BIGINT NOT NULL,
    ends_at_ms BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id UUID,
    actor_name TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX silences_by_end ON silences (project_id, ends_at_ms);

CREATE TABLE inhibitions (
    id UUID PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    definition TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX inhibitions_by_project ON inhibitions (project_id, created_at_ms);

-- What is to be told, and what was.
CREATE TABLE outbox (
    id UUID PRIMARY KEY,
    message_id UUID,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    channel_id UUID NOT NULL,
    alert_id UUID NOT NULL,
    notice TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at_ms BIGINT NOT NULL,
    holder TEXT COLLATE "C" NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    last_error TEXT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX outbox_waiting ON outbox (next_at_ms) WHERE state = 'waiting';
CREATE INDEX outbox_in_order ON outbox (channel_id, alert_id, id) WHERE state = 'waiting';
CREATE INDEX outbox_by_project ON outbox (project_id, id);
CREATE INDEX outbox_by_message ON outbox (message_id);

CREATE TABLE delivery_attempts (
    id UUID PRIMARY KEY,
    message_id UUID NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    channel_id UUID NOT NULL,
    number BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    request_line TEXT NOT NULL,
    request_headers TEXT NOT NULL,
    request_body TEXT NOT NULL,
    status BIGINT,
    response_headers TEXT NOT NULL,
    response_body TEXT NOT NULL,
    error TEXT
);
CREATE INDEX delivery_attempts_by_message ON delivery_attempts (message_id, id);
CREATE INDEX delivery_attempts_by_time ON delivery_attempts (at_ms);

-- Work that one node at a time does.
CREATE TABLE leases (
    name TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    until_ms BIGINT NOT NULL
);

-- Times up to which something is done.
CREATE TABLE marks (
    name TEXT COLLATE "C" PRIMARY KEY,
    at_ms BIGINT NOT NULL
);
