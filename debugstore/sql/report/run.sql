-- title: What the run is and how much of it was logged
-- param: since_step = 0  -- first step that counts
WITH
of_run AS (
    SELECT * FROM segments WHERE run = :run
)
SELECT
    r.id AS run,
    r.run_id,
    r.name,
    r.status,
    r.started_at,
    r.world_size,
    r.trainable_params,
    r.frozen_params,
    r.total_params,
    r.config,
    r.optimizer,
    r.environment,
    r.tags,
    r.notes,
    (SELECT COUNT(DISTINCT g.rank) FROM of_run AS g) AS num_ranks,
    (SELECT COUNT(*) FROM of_run) AS num_segments,
    (SELECT SUM(g.num_events) FROM of_run AS g) AS num_events,
    (SELECT COUNT(*) FROM current_steps AS s WHERE s.run = :run AND s.step >= :since_step) AS num_logged_steps,
    (SELECT MIN(s.step) FROM current_steps AS s WHERE s.run = :run AND s.step >= :since_step) AS first_step,
    (SELECT MAX(s.step) FROM current_steps AS s WHERE s.run = :run AND s.step >= :since_step) AS last_step,
    (
        SELECT COUNT(*) FROM of_run AS g
        INNER JOIN steps AS s ON g.run = s.run AND g.id = s.segment
        WHERE g.superseded_from IS NOT NULL AND s.step >= g.superseded_from
    ) AS num_superseded_steps,
    (SELECT COUNT(*) FROM logger_errors AS e WHERE e.run = :run) AS num_logger_errors
FROM runs AS r
WHERE r.id = :run
