-- A row is an error when its status is 500 or more, or when it carries an error context.
-- Bounds of the vitals: https://web.dev/articles/vitals; a value on a bound belongs to the better side.
SELECT
    project_id, dimension, type, vital AS name, toStartOfHour(ts) AS bucket, environment, member,
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
        page, api_endpoint, effect_id, browser, os, device, country, region, release
    FROM {source}
)
ARRAY JOIN
    ['all', 'page', 'api_endpoint', 'effect_id', 'browser', 'os', 'device', 'country', 'region', 'release'] AS dimension,
    ['', page, api_endpoint, effect_id, browser, os, device, country, region, release] AS member
GROUP BY project_id, dimension, type, name, bucket, environment, member
