-- What `fresnel backfill` makes weeks of: their days.
SELECT
    project_id, dimension, 10080 AS grain_minutes, type, name, environment,
    toDateTime(intDiv(toUnixTimestamp(day), 604800) * 604800, 'UTC') AS bucket,
    member,
    sum(count) AS count,
    sum(error_count) AS error_count,
    sum(good_count) AS good_count,
    sum(poor_count) AS poor_count,
    sum(value_sum) AS value_sum,
    min(value_min) AS value_min,
    max(value_max) AS value_max,
    quantilesTDigestWeightedMergeState(0.5, 0.75, 0.9, 0.95, 0.99)(value_quantiles) AS value_quantiles
FROM (SELECT * EXCEPT (bucket, grain_minutes), bucket AS day FROM {source})
GROUP BY project_id, dimension, type, name, environment, bucket, member
