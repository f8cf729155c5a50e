SELECT message, count(*) AS events, count(DISTINCT session_id) AS sessions, max(ts)
FROM user_events
WHERE project_id = 'default' AND event_type = 'error_occurrence' AND ts >= to_timestamp({30d}) AND ts < to_timestamp({to})
GROUP BY message ORDER BY events DESC LIMIT 50
