SELECT page, name, count(*), count(*) FILTER (WHERE value <= CASE name WHEN 'LCP' THEN 2500 WHEN 'INP' THEN 200 WHEN 'CLS' THEN 0.1 WHEN 'FCP' THEN 1800 ELSE 800 END), percentile_cont(ARRAY[0.5, 0.75, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY value)
FROM performance_metrics
WHERE project_id = 'default' AND type = 'core_web_vitals' AND ts >= to_timestamp({30d}) AND ts < to_timestamp({to})
GROUP BY page, name ORDER BY page, name
