SELECT type, name, count(*), countIf(status >= 500 OR error_context != ''), avg(value), quantilesTDigest(0.5, 0.75, 0.9, 0.95, 0.99)(value)
FROM performance_metrics
WHERE project_id = 'default' AND ts >= toDateTime64({24h}, 3, 'UTC') AND ts < toDateTime64({to}, 3, 'UTC')
GROUP BY type, name ORDER BY type, name
