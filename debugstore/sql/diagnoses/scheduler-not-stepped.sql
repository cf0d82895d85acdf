-- title: The scheduler is never stepped
-- severity: warning
-- stage: hyperparameters
-- confidence: likely
-- needs: fit_starts.scheduler_type, loops.num_total_scheduler_steps
-- explains: not-learning, learning-rate-zero, learning-rate-too-low
-- message: {subject} is given, and after {observed} optimizer steps it has not been stepped once
-- param: epochs = 2     -- epoch starts after which one stepped by the epoch would have moved
-- param: min_steps = 50  -- optimizer steps after which one stepped by the step would have moved, in a run of one epoch
-- why: The learning rate stays where it started: no warm-up, no decay.
-- remedy: Call `scheduler.step()` after every `optimizer.step()`, or after every epoch, as its horizon is counted.
-- evidence: SELECT step, learning_rate FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH totals AS (
    SELECT
        MIN(step) AS step,
        MIN(epoch) AS first_epoch,
        MAX(epoch) AS last_epoch,
        MAX(num_total_optimizer_steps) AS optimizer_steps,
        MAX(num_total_scheduler_steps) AS scheduler_steps
    FROM current_loops
    WHERE run = :run
)
SELECT
    t.step,
    (SELECT MAX(f.scheduler_type) FROM fit_starts AS f WHERE f.run = :run) AS subject,
    t.optimizer_steps AS observed,
    0 AS threshold
FROM totals AS t
WHERE
    t.scheduler_steps = 0
    AND t.optimizer_steps > 0
    AND (
        COALESCE(t.last_epoch - t.first_epoch, 0) >= :epochs
        OR (COALESCE(t.last_epoch - t.first_epoch, 0) = 0 AND t.optimizer_steps >= :min_steps)
    )
    AND EXISTS (SELECT 1 FROM fit_starts AS f WHERE f.run = :run AND f.scheduler_type IS NOT NULL)
