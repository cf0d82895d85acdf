-- One row per run, of what an index gives at once, so that a store of a thousand runs lists them at once. The losses
-- are the lowest rank's: the first of its first segment and the last of its last.
CREATE VIEW run_summary AS
WITH ends AS (
    SELECT
        s.run,
        MIN(s.rank) AS main_rank,
        COUNT(DISTINCT s.rank) AS num_ranks,
        COUNT(*) AS num_segments,
        SUM(s.num_events) AS num_events,
        SUM(s.num_steps) AS num_steps,
        MIN(s.first_step) AS first_step,
        MAX(s.last_step) AS last_step
    FROM segments AS s
    GROUP BY s.run
),

places AS (
    SELECT
        e.run,
        (
            SELECT s.id FROM segments AS s
            WHERE s.run = e.run AND s.rank = e.main_rank AND s.num_steps > 0
            ORDER BY s.started_at, s.id LIMIT 1
        ) AS first_segment,
        (
            SELECT s.id FROM segments AS s
            WHERE s.run = e.run AND s.rank = e.main_rank AND s.num_steps > 0
            ORDER BY s.started_at DESC, s.id DESC LIMIT 1
        ) AS last_segment
    FROM ends AS e
)

SELECT
    r.id AS run,
    r.run_id,
    r.name,
    r.status,
    r.started_at,
    r.world_size,
    r.total_params,
    r.tags,
    r.notes,
    e.num_ranks,
    e.num_segments,
    e.num_events,
    e.num_steps,
    e.first_step,
    e.last_step,
    (
        SELECT t.loss FROM steps AS t
        WHERE t.run = r.id AND t.segment = p.first_segment
        ORDER BY t.seq LIMIT 1
    ) AS first_loss,
    (
        SELECT t.nonfinite FROM steps AS t
        WHERE t.run = r.id AND t.segment = p.first_segment
        ORDER BY t.seq LIMIT 1
    ) AS first_nonfinite,
    (
        SELECT t.loss FROM steps AS t
        WHERE t.run = r.id AND t.segment = p.last_segment
        ORDER BY t.seq DESC LIMIT 1
    ) AS last_loss,
    (
        SELECT t.nonfinite FROM steps AS t
        WHERE t.run = r.id AND t.segment = p.last_segment
        ORDER BY t.seq DESC LIMIT 1
    ) AS last_nonfinite,
    (SELECT MIN(v.loss) FROM current_validations AS v WHERE v.run = r.id) AS best_validation_loss
FROM runs AS r
LEFT JOIN ends AS e ON r.id = e.run
LEFT JOIN places AS p ON r.id = p.run
