-- A row is an error when its status is 500 or more, or when it carries an error context.
-- Bounds of the vitals: https://web.dev/articles/vitals; a value on a bound belongs to the better side.
-- Longer buckets are made of what the shortest ones have added up.
SELECT
    project_id, dimension, grain_minutes, type, name, environment,
    toDateTime(intDiv(toUnixTimestamp(minute), grain_minutes * 60) * grain_minutes * 60, 'UTC') AS bucket,
    member,
    sum(count) AS count,
    sum(error_count) AS error_count,
    sum(good_count) AS good_count,
    sum(poor_count) AS poor_count,
    sum(value_sum) AS value_sum,
    min(value_min) AS value_min,
    max(value_max) AS value_max,
    quantilesTDigestWeightedMergeState(0.5, 0.75, 0.9, 0.95, 0.99)(value_quantiles) AS value_quantiles
FROM
(
    SELECT
        project_id, dimension, type, vital AS name, toStartOfMinute(ts) AS minute, environment, member,
        sum(toUInt64(sample_weight)) AS count,
        sumIf(toUInt64(sample_weight), is_error) AS error_count,
        sumIf(toUInt64(sample_weight), is_good) AS good_count,
        sumIf(toUInt64(sample_weight), is_poor) AS poor_count,
        sum(value * sample_weight) AS value_sum,
        min(value) AS value_min,
        max(value) AS value_max,
        quantilesTDigestWeightedState(0.5, 0.75, 0.9, 0.95, 0.99)(value, sample_weight) AS value_quantiles
    FROM
    (
        SELECT
            project_id, type, if(type = 'core_web_vitals', name, '') AS vital, ts, environment, value, sample_weight,
            status >= 500 OR error_context != '' AS is_error,
            value <= transform(vital, ['LCP', 'INP', 'CLS', 'FCP', 'TTFB'], [2500., 200., 0.1, 1800., 800.], -1.) AS is_good,
            value > transform(vital, ['LCP', 'INP', 'CLS', 'FCP', 'TTFB'], [4000., 500., 0.25, 3000., 1800.], inf) AS is_poor,
            page, api_endpoint
        FROM {source}
    )
    ARRAY JOIN
        ['environment', 'environment+page', 'environment+api_endpoint'] AS dimension,
        ['', page, api_endpoint] AS member
    GROUP BY project_id, dimension, type, name, minute, environment, member
)
ARRAY JOIN [1, 15]::Array(UInt16) AS grain_minutes
GROUP BY project_id, dimension, grain_minutes, type, name, environment, bucket, member
