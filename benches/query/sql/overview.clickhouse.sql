SELECT count(), uniqCombined64(17)(session_id)
FROM
(
    SELECT session_id FROM performance_metrics WHERE project_id = 'default' AND ts >= toDateTime64({30d}, 3, 'UTC') AND ts < toDateTime64({to}, 3, 'UTC')
    UNION ALL
    SELECT session_id FROM funnel_steps WHERE project_id = 'default' AND ts >= toDateTime64({30d}, 3, 'UTC') AND ts < toDateTime64({to}, 3, 'UTC')
    UNION ALL
    SELECT session_id FROM user_events WHERE project_id = 'default' AND ts >= toDateTime64({30d}, 3, 'UTC') AND ts < toDateTime64({to}, 3, 'UTC')
)
