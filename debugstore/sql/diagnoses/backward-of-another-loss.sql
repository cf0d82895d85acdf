-- title: Backward never starts from the logged loss
-- severity: warning
-- without-effect: note
-- stage: loop
-- confidence: likely
-- needs: loops.num_total_backward, loops.num_optimizer_steps, loops.num_total_optimizer_steps, wiring.loss_is_leaf
-- explains: not-learning, unstable, vanishing-gradients, zero-gradients, learning-rate-too-low
-- message: {observed} optimizer steps ran, and backward never passed through the loss that is logged
-- param: optimizer_steps = 2  -- steps below which the loop may still be setting up
-- why: The parameters follow another quantity than the one you look at.
-- remedy: Call backward on the loss you log, or on a sum that contains it: `(loss + 0.1 * auxiliary).backward()`.
-- silent-on: training_step called after the step it logs; a loss given as a plain number or detached for logging; several optimizers
-- evidence: SELECT step, call_order, num_total_backward, num_total_optimizer_steps FROM current_loops WHERE run = :run ORDER BY step LIMIT 20
WITH totals AS (
    SELECT
        MIN(step) AS step,
        MAX(num_total_backward) AS backwards,
        MAX(num_total_optimizer_steps) AS optimizer_steps,
        MIN(num_total_optimizer_steps - num_optimizer_steps) AS earlier_steps
    FROM current_loops
    WHERE run = :run
)
SELECT step, 'loss' AS subject, optimizer_steps AS observed, 0 AS threshold
FROM totals
WHERE
    backwards = 0
    AND earlier_steps = 0
    AND optimizer_steps >= :optimizer_steps
    AND EXISTS (SELECT 1 FROM current_wiring AS w WHERE w.run = :run AND NOT w.loss_is_leaf)
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
