SELECT
    project_id, grain_minutes, kind, name,
    toDateTime(intDiv(toUnixTimestamp(hour), grain_minutes * 60) * grain_minutes * 60, 'UTC') AS bucket,
    sum(count) AS count,
    uniqCombined64IfMergeState(17)(sessions) AS sessions,
    uniqCombined64IfMergeState(17)(users) AS users,
    uniqCombined64IfMergeState(17)(visitors) AS visitors
FROM
(
    SELECT
        project_id, kind, member AS name, toStartOfHour(ts) AS hour,
        sum(toUInt64(sample_weight)) AS count,
        uniqCombined64IfState(17)(session_id, session_id != '') AS sessions,
        uniqCombined64IfState(17)(user_id, user_id != '') AS users,
        uniqCombined64IfState(17)(visitor_id, visitor_id != 0) AS visitors
    FROM (SELECT project_id, type, ts, session_id, user_id, visitor_id, sample_weight FROM {source})
    ARRAY JOIN
        ['', 'metric', 'metric'] AS kind,
        ['', '', type] AS member
    GROUP BY project_id, kind, name, hour
)
ARRAY JOIN [60, 360, 1440, 10080]::Array(UInt16) AS grain_minutes
GROUP BY project_id, grain_minutes, kind, name, bucket
