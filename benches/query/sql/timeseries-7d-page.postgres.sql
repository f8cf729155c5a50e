SELECT date_trunc('hour', ts) AS bucket, page, count(*),
    percentile_cont(ARRAY[0.5, 0.75, 0.95, 0.99]) WITHIN GROUP (ORDER BY value)
FROM performance_metrics
WHERE project_id = 'default' AND type = 'core_web_vitals' AND name = 'LCP'
    AND ts >= to_timestamp({7d}) AND ts < to_timestamp({to})
GROUP BY bucket, page ORDER BY bucket, page
