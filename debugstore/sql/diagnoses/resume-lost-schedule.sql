-- title: The resume lost the schedule
-- severity: warning
-- stage: resume
-- confidence: certain
-- needs: fit_starts.scheduler_step_count
-- explains: loss-spike, gradient-spike, loss-diverging, learning-rate-too-high, scheduler-wrong-horizon, scheduler-not-stepped
-- message: the segment that goes on at step {first_step} starts its schedule at {observed}, the ones before had come to {threshold}
-- param: part = 0.5  -- of the scheduler's steps so far; a checkpoint some steps old has nearly all of them
-- why: Warm-up and decay begin again: the learning rate is not the one the run was at.
-- remedy: Save and load it: `scheduler.load_state_dict(checkpoint['scheduler'])`.
-- evidence: SELECT segment, step, scheduler_type, scheduler_step_count FROM fit_starts WHERE run = :run ORDER BY step
WITH resumed AS (
    SELECT
        f.step,
        f.segment,
        f.scheduler_step_count,
        (
            SELECT MAX(l.num_total_scheduler_steps + COALESCE(e.scheduler_step_count, 0))
            FROM fit_starts AS e
            INNER JOIN loops AS l ON e.run = l.run AND e.segment = l.segment
            WHERE e.run = :run AND e.rank = f.rank AND e.start_step < f.start_step AND l.step < f.start_step
        ) AS done
    FROM fit_starts AS f
    WHERE f.run = :run AND f.start_step > 0 AND f.scheduler_step_count IS NOT NULL
)
SELECT step, 'scheduler' AS subject, scheduler_step_count AS observed, done AS threshold
FROM resumed
WHERE done > 0 AND scheduler_step_count < :part * done
ORDER BY step
