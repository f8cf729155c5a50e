SELECT
    project_id, kind, member AS name, toStartOfHour(ts) AS bucket,
    sum(toUInt64(sample_weight)) AS count,
    uniqCombined64IfState(17)(session_id, session_id != '') AS sessions,
    uniqCombined64IfState(17)(user_id, user_id != '') AS users,
    uniqCombined64IfState(17)(visitor_id, visitor_id != 0) AS visitors
FROM (SELECT project_id, type, ts, session_id, user_id, visitor_id, sample_weight FROM {source})
ARRAY JOIN
    ['', 'metric', 'metric'] AS kind,
    ['', '', type] AS member
GROUP BY project_id, kind, name, bucket
