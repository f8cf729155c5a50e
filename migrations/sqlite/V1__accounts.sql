-- Projects, keys, users, issuers, quotas, and the audit log. The same tables stand in migrations/postgres.
-- Times are milliseconds since 1970 UTC. Applied files are never changed: a change is a new file.

CREATE TABLE control_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- Goes up with each change of what the directory holds.
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO control_state (id, revision) VALUES (1, 1);

CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    allowed_origins TEXT NOT NULL,
    allow_keyless INTEGER NOT NULL,
    settings TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    deleted_at_ms INTEGER,
    revision INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT,
    is_instance_owner INTEGER NOT NULL,
    disabled_at_ms INTEGER,
    created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE memberships (
    user_id TEXT NOT NULL REFERENCES users (id),
    project_id TEXT NOT NULL REFERENCES projects (id),
    role TEXT NOT NULL,
    PRIMARY KEY (user_id, project_id)
) STRICT;
CREATE INDEX memberships_by_project ON memberships (project_id);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL UNIQUE,
    shown TEXT NOT NULL,
    scopes TEXT NOT NULL,
    acts_as TEXT REFERENCES users (id),
    is_bootstrap INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    revoked_at_ms INTEGER
) STRICT;
CREATE INDEX api_keys_by_project ON api_keys (project_id);

CREATE TABLE sessions (
    sha256 BLOB PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    created_at_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    ip_prefix TEXT,
    user_agent TEXT
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    email TEXT,
    project_id TEXT REFERENCES projects (id),
    role TEXT,
    user_id TEXT REFERENCES users (id),
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX tokens_by_expiry ON tokens (expires_at_ms);

CREATE TABLE jwt_issuers (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    audience TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    key_text TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX jwt_issuers_by_project ON jwt_issuers (project_id);

CREATE TABLE quota_overrides (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    metrics_per_hour INTEGER,
    events_per_hour INTEGER,
    api_per_minute INTEGER,
    external_per_minute INTEGER,
    created_at_ms INTEGER NOT NULL,
    UNIQUE (project_id, target_kind, target_id)
) STRICT;

-- No references: what was done outlives what it was done to.
CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    ts_ms INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    project_id TEXT,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    level TEXT NOT NULL,
    details TEXT NOT NULL,
    ip_prefix TEXT
) STRICT;
CREATE INDEX audit_by_time ON audit (ts_ms, id);
CREATE INDEX audit_by_project ON audit (project_id, ts_ms, id);
