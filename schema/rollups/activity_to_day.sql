SELECT
    project_id, kind, name, toStartOfDay(hour) AS bucket,
    sum(count) AS count,
    uniqCombined64IfMergeState(17)(sessions) AS sessions,
    uniqCombined64IfMergeState(17)(users) AS users,
    uniqCombined64IfMergeState(17)(visitors) AS visitors
FROM (SELECT * EXCEPT (bucket), bucket AS hour FROM {source})
GROUP BY project_id, kind, name, bucket
