-- A project's use of third-party services. The same tables stand in
-- migrations/sqlite.

CREATE TABLE integrations (
    id UUID PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    slug TEXT COLLATE "C" NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    definition TEXT NOT NULL,
    sealed_secrets BYTEA NOT NULL,
    -- SHA-256 of the token in the address of its hook.
    hook_sha256 BYTEA NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE UNIQUE INDEX integrations_by_slug ON integrations (project_id, slug);
