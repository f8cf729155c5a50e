SELECT api_endpoint, count(*) AS calls, count(*) FILTER (WHERE status >= 500 OR error_context != ''), avg(value), approx_quantile(value, [0.5, 0.75, 0.9, 0.95, 0.99])
FROM performance_metrics
WHERE project_id = 'default' AND type = 'api_response_time' AND ts >= to_timestamp({30d}) AND ts < to_timestamp({to})
GROUP BY api_endpoint ORDER BY calls DESC
