-- title: The optimizer is never stepped
-- severity: error
-- stage: loop
-- confidence: certain
-- needs: loops.num_total_optimizer_steps, loops.num_total_backward
-- explains: not-learning, no-parameter-updates, unstable, learning-rate-too-low
-- message: {observed} backward passes and not one optimizer step
-- param: backwards = 2  -- backward passes per optimizer step that the accumulation would allow, twice
-- why: Gradients are computed and thrown away; the parameters stay as they are.
-- remedy: Call it after backward: `loss.backward(); optimizer.step()`.
-- silent-on: gradient accumulation, steps a gradient scaler skips
-- evidence: SELECT step, call_order, num_total_backward, num_total_optimizer_steps FROM current_loops WHERE run = :run ORDER BY step LIMIT 20
WITH totals AS (
    SELECT
        rank,
        MIN(step) AS step,
        MAX(num_total_backward) AS backwards,
        MAX(num_total_optimizer_steps) AS optimizer_steps,
        MAX(num_skipped_steps) AS skipped_steps
    FROM current_loops
    WHERE run = :run
    GROUP BY rank
)
SELECT t.step, 'optimizer' AS subject, t.backwards AS observed, 0 AS threshold, t.rank
FROM totals AS t
WHERE
    t.optimizer_steps = 0
    AND COALESCE(t.skipped_steps, 0) = 0
    AND t.backwards >= :backwards * COALESCE(
        (SELECT MAX(f.accumulation_steps) FROM fit_starts AS f WHERE f.run = :run), 1
    )
    AND NOT EXISTS (
        SELECT 1 FROM param_updates AS u WHERE u.run = :run AND u.rank = t.rank AND u.num_params_updated > 0
    )
ORDER BY t.step, t.rank
