-- Spans begin at multiples of their length since 1970: those of 6 and of 24 hours with the hours and days of UTC, weeks on Thursdays.
SELECT
    project_id, dimension, span_hours, type, name, toDateTime(intDiv(toUnixTimestamp(hour), span_hours * 3600) * span_hours * 3600, 'UTC') AS bucket, environment, member,
    sum(count) AS count,
    sum(error_count) AS error_count,
    sum(good_count) AS good_count,
    sum(poor_count) AS poor_count,
    sum(value_sum) AS value_sum,
    min(value_min) AS value_min,
    max(value_max) AS value_max,
    quantilesTDigestWeightedMergeState(0.5, 0.75, 0.9, 0.95, 0.99)(value_quantiles) AS value_quantiles
FROM (SELECT * EXCEPT (bucket), bucket AS hour FROM {source})
ARRAY JOIN [6, 24, 168]::Array(UInt16) AS span_hours
GROUP BY project_id, dimension, span_hours, type, name, bucket, environment, member
