-- title: The schedule is counted in the wrong unit
-- severity: warning
-- stage: hyperparameters
-- confidence: likely
-- needs: fit_starts.scheduler_type, loops.num_total_scheduler_steps, steps.learning_rate
-- explains: not-learning, learning-rate-zero, learning-rate-too-low, no-parameter-updates, updates-lost-to-rounding
-- message: the schedule is {subject}: {observed} against {threshold}
-- param: idle_share = 0.4    -- of the logged steps at a vanished rate; decays to zero spend a few percent there
-- param: vanished = 0.001    -- learning rate / largest learning rate from which on nothing is learned
-- param: horizon_ratio = 3.0  -- scheduler steps planned by the run / steps until the schedule ends, or the other way round
-- param: min_steps = 50      -- optimizer steps below which a run may simply be cut short
-- why: A schedule meant for epochs and stepped every batch is over at once; the other way round it never gets going.
-- remedy: Count its length in the calls it gets: `CosineAnnealingLR(optimizer, T_max=epochs * len(loader))` if stepped every batch.
-- silent-on: restarts by design, runs stopped early, schedules without an end
-- evidence: SELECT step, learning_rate FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH planned AS (
    SELECT
        MIN(step) AS step,
        MAX(scheduler_steps) AS horizon,
        MAX(total_steps) AS total_steps,
        MAX(CASE WHEN scheduler_restarts THEN 1 ELSE 0 END) AS restarts,
        MAX(CASE WHEN scheduler_type IS NOT NULL THEN 1 ELSE 0 END) AS scheduled
    FROM fit_starts
    WHERE run = :run
),
calls AS (
    SELECT
        MAX(num_total_optimizer_steps) AS optimizer_steps,
        CAST(MAX(num_total_scheduler_steps) AS DOUBLE PRECISION)
        / NULLIF(MAX(num_total_optimizer_steps) + COALESCE(MAX(num_skipped_steps), 0), 0) AS per_step
    FROM current_loops
    WHERE run = :run
),
rates AS (
    SELECT
        MAX(learning_rate) AS largest,
        COUNT(*) AS num_rows
    FROM current_steps
    WHERE run = :run AND learning_rate IS NOT NULL
),
idle AS (
    SELECT COUNT(*) AS num_idle
    FROM current_steps
    WHERE run = :run AND learning_rate < :vanished * (SELECT r.largest FROM rates AS r)
),
ends AS (
    SELECT
        (
            SELECT s.learning_rate FROM current_steps AS s
            WHERE s.run = :run AND s.learning_rate IS NOT NULL
            ORDER BY s.segment DESC, s.seq DESC LIMIT 1
        ) AS last_rate
)
SELECT
    p.step,
    'over long before the run is' AS subject,
    CAST(i.num_idle AS DOUBLE PRECISION) / r.num_rows AS observed,
    :idle_share AS threshold
FROM planned AS p
CROSS JOIN calls AS c
CROSS JOIN rates AS r
CROSS JOIN idle AS i
WHERE
    p.scheduled = 1
    AND p.restarts = 0
    AND c.optimizer_steps >= :min_steps
    AND i.num_idle > :idle_share * r.num_rows
UNION ALL
SELECT
    p.step,
    'over and begun again many times, its horizon in steps' AS subject,
    p.horizon AS observed,
    c.per_step * p.total_steps AS threshold
FROM planned AS p
CROSS JOIN calls AS c
CROSS JOIN idle AS i
CROSS JOIN rates AS r
WHERE
    p.scheduled = 1
    AND p.restarts = 0
    AND c.optimizer_steps >= :min_steps
    AND i.num_idle <= :idle_share * r.num_rows
    AND c.per_step * COALESCE(p.total_steps, c.optimizer_steps) > :horizon_ratio * p.horizon
UNION ALL
SELECT
    p.step,
    'far longer than the run, its horizon in steps' AS subject,
    p.horizon AS observed,
    c.per_step * p.total_steps AS threshold
FROM planned AS p
CROSS JOIN calls AS c
CROSS JOIN rates AS r
CROSS JOIN ends AS e
WHERE
    p.scheduled = 1
    AND p.restarts = 0
    AND c.optimizer_steps >= :min_steps
    AND c.per_step > 0
    AND c.per_step < 0.5
    AND p.horizon > :horizon_ratio * c.per_step * COALESCE(p.total_steps, c.optimizer_steps)
    AND e.last_rate > 0.5 * r.largest
