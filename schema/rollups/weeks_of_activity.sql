-- What `fresnel backfill` makes weeks of: their days.
SELECT
    project_id, 10080 AS grain_minutes, kind, name,
    toDateTime(intDiv(toUnixTimestamp(day), 604800) * 604800, 'UTC') AS bucket,
    sum(count) AS count,
    uniqCombined64IfMergeState(17)(sessions) AS sessions,
    uniqCombined64IfMergeState(17)(users) AS users,
    uniqCombined64IfMergeState(17)(visitors) AS visitors
FROM (SELECT * EXCEPT (bucket, grain_minutes), bucket AS day FROM {source})
GROUP BY project_id, kind, name, bucket
