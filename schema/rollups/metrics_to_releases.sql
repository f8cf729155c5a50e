SELECT project_id, release, toDateTime(min(ts), 'UTC') AS first_seen
FROM {source}
WHERE release != ''
GROUP BY project_id, release
