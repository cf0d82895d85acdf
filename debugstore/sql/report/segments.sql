-- title: What each process wrote, and how it ended
SELECT
    g.rank,
    g.key AS segment,
    g.source,
    g.started_at,
    g.first_step,
    g.last_step,
    g.num_steps AS num_logged_steps,
    g.superseded_from,
    e.status,
    e.error,
    e.seconds,
    e.logger_seconds
FROM segments AS g
LEFT JOIN fit_ends AS e ON g.run = e.run AND g.id = e.segment
WHERE g.run = :run
ORDER BY g.rank, g.started_at, g.id
