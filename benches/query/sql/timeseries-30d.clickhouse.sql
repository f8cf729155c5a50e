SELECT toStartOfInterval(ts, INTERVAL 1 HOUR) AS bucket, count(*), quantilesTDigest(0.5, 0.75, 0.95, 0.99)(value)
FROM performance_metrics
WHERE project_id = 'default' AND type = 'page_load_time' AND ts >= toDateTime64({30d}, 3, 'UTC') AND ts < toDateTime64({to}, 3, 'UTC')
GROUP BY bucket ORDER BY bucket
