SELECT toString(event_data.message) AS message, count() AS events, uniqExact(session_id) AS sessions, max(ts)
FROM user_events
WHERE project_id = 'default' AND event_type = 'error_occurrence' AND ts >= toDateTime64({30d}, 3, 'UTC') AND ts < toDateTime64({to}, 3, 'UTC')
GROUP BY message ORDER BY events DESC LIMIT 50
