SELECT toStartOfHour(ts) AS bucket, page, count(), quantilesTDigest(0.5, 0.75, 0.95, 0.99)(value)
FROM performance_metrics
WHERE project_id = 'default' AND type = 'core_web_vitals' AND name = 'LCP'
    AND ts >= toDateTime64({7d}, 3, 'UTC') AND ts < toDateTime64({to}, 3, 'UTC')
GROUP BY bucket, page ORDER BY bucket, page
