SELECT count(*), approx_count_distinct(session_id)
FROM
(
    SELECT session_id FROM performance_metrics WHERE project_id = 'default' AND ts >= to_timestamp({30d}) AND ts < to_timestamp({to})
    UNION ALL
    SELECT session_id FROM funnel_steps WHERE project_id = 'default' AND ts >= to_timestamp({30d}) AND ts < to_timestamp({to})
    UNION ALL
    SELECT session_id FROM user_events WHERE project_id = 'default' AND ts >= to_timestamp({30d}) AND ts < to_timestamp({to})
) AS events
