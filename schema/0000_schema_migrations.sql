-- The book of applied migrations. It is no migration itself: it is created before they are looked at.
-- Two nodes that migrate at once may both write a version down; the rows then say the same.

CREATE TABLE IF NOT EXISTS {database}.schema_migrations
(
    version    UInt32                COMMENT 'Number of the file in schema/',
    name       String                COMMENT 'Name of the file',
    checksum   String                COMMENT 'SHA-256 of the file as it stands in the repository',
    applied_at DateTime64(3, 'UTC')  COMMENT 'Time at which all of its statements had been run'
)
ENGINE = MergeTree
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Migrations that have been applied';
