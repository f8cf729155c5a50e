-- The revision with which something of a project has changed last: what is kept of it elsewhere is of before.

ALTER TABLE projects ADD COLUMN changed_revision BIGINT NOT NULL DEFAULT 0;
