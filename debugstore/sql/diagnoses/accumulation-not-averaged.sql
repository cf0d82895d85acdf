-- title: Micro-step losses are added up, not averaged
-- severity: warning
-- without-effect: note
-- stage: loop
-- confidence: likely
-- needs: loops.num_total_backward, loops.num_total_optimizer_steps, grads.loss_gradient
-- explains: not-learning, unstable, not-finite, learning-rate-too-high
-- message: {threshold} micro-steps make one optimizer step, and each starts backward from {observed} instead of a part of 1
-- param: micro_steps = 1.8  -- backward passes per optimizer step from which on it is an accumulation
-- why: The gradient, and under SGD the step, is as many times too large as there are micro-steps.
-- remedy: Divide before backward: `(loss / accumulation_steps).backward()`.
-- silent-on: a loss that is divided before backward, a closure that the optimizer calls as often as it likes
-- evidence: SELECT step, loss_gradient, total_norm FROM current_grads WHERE run = :run ORDER BY step LIMIT 20
WITH totals AS (
    -- the least: a step that crashed half way has had its backward pass alone
    SELECT MIN(CAST(num_total_backward AS DOUBLE PRECISION) / NULLIF(num_total_optimizer_steps, 0)) AS micro_steps
    FROM current_loops
    WHERE run = :run
),
starts AS (
    SELECT MIN(step) AS step, AVG(ABS(loss_gradient) / COALESCE(loss_scale, 1)) AS loss_gradient, COUNT(*) AS num_rows
    FROM current_grads
    WHERE run = :run AND loss_gradient IS NOT NULL
),
losses AS (
    SELECT AVG(loss / NULLIF(cross_entropy, 0)) AS ratio
    FROM current_steps
    WHERE run = :run AND cross_entropy > 0
)
SELECT s.step, 'backward' AS subject, s.loss_gradient AS observed, t.micro_steps AS threshold
FROM starts AS s
CROSS JOIN totals AS t
CROSS JOIN losses AS n
WHERE
    t.micro_steps >= :micro_steps
    AND s.loss_gradient * t.micro_steps > 1.5
    AND COALESCE(n.ratio, 1) * s.loss_gradient * t.micro_steps > 1.5
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
    AND NOT EXISTS (SELECT 1 FROM current_loops AS l WHERE l.run = :run AND l.in_closure)
