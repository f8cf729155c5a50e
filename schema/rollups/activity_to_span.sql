-- Spans begin at multiples of their length since 1970: those of 6 and of 24 hours with the hours and days of UTC, weeks on Thursdays.
SELECT
    project_id, span_hours, kind, name, toDateTime(intDiv(toUnixTimestamp(hour), span_hours * 3600) * span_hours * 3600, 'UTC') AS bucket,
    sum(count) AS count,
    uniqCombined64IfMergeState(17)(sessions) AS sessions,
    uniqCombined64IfMergeState(17)(users) AS users,
    uniqCombined64IfMergeState(17)(visitors) AS visitors
FROM (SELECT * EXCEPT (bucket), bucket AS hour FROM {source})
ARRAY JOIN [6, 24, 168]::Array(UInt16) AS span_hours
GROUP BY project_id, span_hours, kind, name, bucket
