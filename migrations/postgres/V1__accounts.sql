-- Projects, keys, users, issuers, quotas, and the audit log. The same tables stand in migrations/sqlite.
-- Times are milliseconds since 1970 UTC. Texts that are compared are compared by bytes. Applied files are never changed: a change is a new file.

CREATE TABLE control_state (
    id INT PRIMARY KEY CHECK (id = 1),
    -- Goes up with each change of what the directory holds.
    revision BIGINT NOT NULL
);
INSERT INTO control_state (id, revision) VALUES (1, 1);

CREATE TABLE projects (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    allowed_origins TEXT NOT NULL,
    allow_keyless BOOLEAN NOT NULL,
    settings TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    deleted_at_ms BIGINT,
    revision BIGINT NOT NULL
);

CREATE TABLE users (
    id UUID PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT,
    is_instance_owner BOOLEAN NOT NULL,
    disabled_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL
);

CREATE TABLE memberships (
    user_id UUID NOT NULL REFERENCES users (id),
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    role TEXT NOT NULL,
    PRIMARY KEY (user_id, project_id)
);
CREATE INDEX memberships_by_project ON memberships (project_id);

CREATE TABLE api_keys (
    id UUID PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 BYTEA NOT NULL UNIQUE,
    shown TEXT NOT NULL,
    scopes TEXT NOT NULL,
    acts_as UUID REFERENCES users (id),
    is_bootstrap BOOLEAN NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT,
    revoked_at_ms BIGINT
);
CREATE INDEX api_keys_by_project ON api_keys (project_id);

CREATE TABLE sessions (
    sha256 BYTEA PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    created_at_ms BIGINT NOT NULL,
    last_seen_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    ip_prefix TEXT,
    user_agent TEXT
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

CREATE TABLE tokens (
    id UUID PRIMARY KEY,
    sha256 BYTEA NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    email TEXT,
    project_id TEXT COLLATE "C" REFERENCES projects (id),
    role TEXT,
    user_id UUID REFERENCES users (id),
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX tokens_by_expiry ON tokens (expires_at_ms);

CREATE TABLE jwt_issuers (
    id UUID PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    audience TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    key_text TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX jwt_issuers_by_project ON jwt_issuers (project_id);

CREATE TABLE quota_overrides (
    id UUID PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    metrics_per_hour BIGINT,
    events_per_hour BIGINT,
    api_per_minute BIGINT,
    external_per_minute BIGINT,
    created_at_ms BIGINT NOT NULL,
    UNIQUE (project_id, target_kind, target_id)
);

-- No references: what was done outlives what it was done to.
CREATE TABLE audit (
    id UUID PRIMARY KEY,
    ts_ms BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id UUID,
    actor_name TEXT NOT NULL,
    project_id TEXT COLLATE "C",
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    level TEXT NOT NULL,
    details TEXT NOT NULL,
    ip_prefix TEXT
);
CREATE INDEX audit_by_time ON audit (ts_ms, id);
CREATE INDEX audit_by_project ON audit (project_id, ts_ms, id);
