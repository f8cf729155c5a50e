SELECT type, name, count(*), count(*) FILTER (WHERE status >= 500 OR error_context != ''), avg(value), percentile_cont(ARRAY[0.5, 0.75, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY value)
FROM performance_metrics
WHERE project_id = 'default' AND ts >= to_timestamp({24h}) AND ts < to_timestamp({to})
GROUP BY type, name ORDER BY type, name
