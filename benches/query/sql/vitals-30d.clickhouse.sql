SELECT page, name, count(*), countIf(value <= transform(name, ['LCP', 'INP', 'CLS', 'FCP', 'TTFB'], [2500., 200., 0.1, 1800., 800.], 0.)), quantilesTDigest(0.5, 0.75, 0.9, 0.95, 0.99)(value)
FROM performance_metrics
WHERE project_id = 'default' AND type = 'core_web_vitals' AND ts >= toDateTime64({30d}, 3, 'UTC') AND ts < toDateTime64({to}, 3, 'UTC')
GROUP BY page, name ORDER BY page, name
