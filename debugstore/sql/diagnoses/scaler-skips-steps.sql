-- title: The gradient scaler skips most steps
-- severity: error
-- stage: precision
-- confidence: certain
-- needs: loops.num_skipped_steps, loops.num_total_optimizer_steps
-- explains: not-learning, nonfinite-gradients, no-parameter-updates
-- message: {observed} optimizer steps were skipped and {threshold} ran
-- param: min_steps = 50  -- steps after which the search for the scale is over; the default one takes 20 at the most
-- param: share = 0.4     -- of all steps; a sound scaler skips one in 2000
-- why: A skipped step trains nothing; overflow at every scale means the gradients themselves are too large or not finite.
-- remedy: Look at `scaler.get_scale()`, keep the default growth interval, `torch.amp.GradScaler()`, or train in bfloat16.
-- silent-on: the first steps, while the scaler looks for its scale
-- evidence: SELECT step, num_skipped_steps, num_total_optimizer_steps FROM current_loops WHERE run = :run ORDER BY step DESC LIMIT 20
WITH totals AS (
    SELECT
        MIN(step) AS step,
        MAX(num_skipped_steps) AS skipped,
        MAX(num_total_optimizer_steps) AS ran
    FROM current_loops
    WHERE run = :run
)
SELECT step, 'scaler' AS subject, skipped AS observed, ran AS threshold
FROM totals
WHERE skipped + ran >= :min_steps AND skipped > :share * (skipped + ran)
