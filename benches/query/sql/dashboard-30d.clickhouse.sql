SELECT api_endpoint, count(*) AS calls, countIf(status >= 500 OR error_context != ''), avg(value), quantilesTDigest(0.5, 0.75, 0.9, 0.95, 0.99)(value)
FROM performance_metrics
WHERE project_id = 'default' AND type = 'api_response_time' AND ts >= toDateTime64({30d}, 3, 'UTC') AND ts < toDateTime64({to}, 3, 'UTC')
GROUP BY api_endpoint ORDER BY calls DESC
