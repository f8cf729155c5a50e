SELECT level, count() AS sessions
FROM
(
    SELECT session_id, windowFunnel(86400000)(toUInt64(toUnixTimestamp64Milli(ts)),
        step = 'effect_discovered', step = 'effect_viewed', step = 'effect_started', step = 'image_uploaded', step = 'parameters_set',
        step = 'processing_started', step = 'processing_completed', step = 'result_downloaded', step = 'result_shared') AS level
    FROM funnel_steps
    WHERE project_id = 'default' AND ts >= toDateTime64({7d}, 3, 'UTC') AND ts < toDateTime64({to}, 3, 'UTC')
    GROUP BY session_id
)
GROUP BY level ORDER BY level
