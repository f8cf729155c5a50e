-- What people add to dashboards: deploys, what has been decided about errors, saved views. The same tables stand in
-- migrations/postgres.

CREATE TABLE deploys (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    release TEXT NOT NULL,
    environment TEXT,
    deployed_at_ms INTEGER NOT NULL,
    description TEXT,
    url TEXT,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX deploys_by_time ON deploys (project_id, deployed_at_ms, id);

-- No reference to who decided: that is kept when the user or the key is gone.
CREATE TABLE error_states (
    project_id TEXT NOT NULL REFERENCES projects (id),
    fingerprint TEXT NOT NULL,
    state TEXT NOT NULL,
    note TEXT,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (project_id, fingerprint)
) STRICT;

CREATE TABLE saved_views (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    page TEXT NOT NULL,
    state TEXT NOT NULL,
    -- A user, or a key.
    owner_id TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    is_shared INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX saved_views_by_project ON saved_views (project_id, name, id);
