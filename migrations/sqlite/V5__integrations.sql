-- A project's use of third-party services. The same tables stand in
-- migrations/postgres.

CREATE TABLE integrations (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    slug TEXT NOT NULL,
    service TEXT NOT NULL,
    definition TEXT NOT NULL,
    sealed_secrets BLOB NOT NULL,
    -- SHA-256 of the token in the address of its hook.
    hook_sha256 BLOB NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX integrations_by_slug ON integrations (project_id, slug);
