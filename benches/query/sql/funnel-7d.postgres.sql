WITH firsts AS (
    SELECT session_id,
        min(ts) FILTER (WHERE step = 'effect_discovered') AS t1,
        min(ts) FILTER (WHERE step = 'effect_viewed') AS t2,
        min(ts) FILTER (WHERE step = 'effect_started') AS t3,
        min(ts) FILTER (WHERE step = 'image_uploaded') AS t4,
        min(ts) FILTER (WHERE step = 'parameters_set') AS t5,
        min(ts) FILTER (WHERE step = 'processing_started') AS t6,
        min(ts) FILTER (WHERE step = 'processing_completed') AS t7,
        min(ts) FILTER (WHERE step = 'result_downloaded') AS t8,
        min(ts) FILTER (WHERE step = 'result_shared') AS t9
    FROM funnel_steps
    WHERE project_id = 'default' AND ts >= to_timestamp({7d}) AND ts < to_timestamp({to})
    GROUP BY session_id
)
SELECT count(t1),
    count(*) FILTER (WHERE t2 >= t1 AND t2 <= t1 + INTERVAL '1 day'),
    count(*) FILTER (WHERE t3 >= t2 AND t2 >= t1 AND t3 <= t1 + INTERVAL '1 day'),
    count(*) FILTER (WHERE t4 >= t3 AND t3 >= t2 AND t2 >= t1 AND t4 <= t1 + INTERVAL '1 day'),
    count(*) FILTER (WHERE t5 >= t4 AND t4 >= t3 AND t3 >= t2 AND t2 >= t1 AND t5 <= t1 + INTERVAL '1 day'),
    count(*) FILTER (WHERE t6 >= t5 AND t5 >= t4 AND t4 >= t3 AND t3 >= t2 AND t2 >= t1 AND t6 <= t1 + INTERVAL '1 day'),
    count(*) FILTER (WHERE t7 >= t6 AND t6 >= t5 AND t5 >= t4 AND t4 >= t3 AND t3 >= t2 AND t2 >= t1 AND t7 <= t1 + INTERVAL '1 day'),
    count(*) FILTER (WHERE t8 >= t7 AND t7 >= t6 AND t6 >= t5 AND t5 >= t4 AND t4 >= t3 AND t3 >= t2 AND t2 >= t1 AND t8 <= t1 + INTERVAL '1 day'),
    count(*) FILTER (WHERE t9 >= t8 AND t8 >= t7 AND t7 >= t6 AND t6 >= t5 AND t5 >= t4 AND t4 >= t3 AND t3 >= t2 AND t2 >= t1 AND t9 <= t1 + INTERVAL '1 day')
FROM firsts
