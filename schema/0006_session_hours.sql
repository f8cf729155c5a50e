-- When each session's first and last measurement of an hour was: a twentieth of the rows, kept by ClickHouse itself inside
-- each part. What is stored already gets it in the background; until then these parts are read row by row.
-- Why a projection and not a rollup or a stored hash: docs/adr/0013-session-hours.md.

ALTER TABLE {database}.performance_metrics
    ADD PROJECTION IF NOT EXISTS session_hours
    (
        SELECT project_id, toStartOfHour(ts) AS hour, cityHash64(session_id) AS session, min(ts), max(ts)
        GROUP BY project_id, hour, session
    );

ALTER TABLE {database}.performance_metrics MATERIALIZE PROJECTION session_hours SETTINGS mutations_sync = 0;
