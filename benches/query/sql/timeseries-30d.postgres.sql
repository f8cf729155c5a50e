SELECT date_trunc('hour', ts) AS bucket, count(*), percentile_cont(ARRAY[0.5, 0.75, 0.95, 0.99]) WITHIN GROUP (ORDER BY value)
FROM performance_metrics
WHERE project_id = 'default' AND type = 'page_load_time' AND ts >= to_timestamp({30d}) AND ts < to_timestamp({to})
GROUP BY bucket ORDER BY bucket
