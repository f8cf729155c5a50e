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
        count() AS count,
        uniqCombined64IfState(17)(session_id, session_id != '') AS sessions,
        uniqCombined64IfState(17)(user_id, user_id != '') AS users,
        uniqCombined64IfState(17)(visitor_id, visitor_id != 0) AS visitors
    FROM {source}
    ARRAY JOIN
        ['', 'alert', 'alert'] AS kind,
        ['', '', severity] AS member
    GROUP BY project_id, kind, name, hour
)
ARRAY JOIN [60, 360, 1440, 10080]::Array(UInt16) AS grain_minutes
GROUP BY project_id, grain_minutes, kind, name, bucket
