SELECT
    project_id, kind, member AS name, toStartOfHour(ts) AS bucket,
    count() AS count,
    uniqCombined64IfState(17)(session_id, session_id != '') AS sessions,
    uniqCombined64IfState(17)(user_id, user_id != '') AS users,
    uniqCombined64IfState(17)(visitor_id, visitor_id != 0) AS visitors
FROM {source}
ARRAY JOIN
    ['', 'funnel', 'funnel'] AS kind,
    ['', '', step] AS member
GROUP BY project_id, kind, name, bucket
