-- title: Gradients are never cleared
-- severity: error
-- stage: loop
-- confidence: certain
-- needs: loops.num_zero_grad, grads.entry_norm
-- explains: not-learning, unstable, not-finite, learning-rate-too-high, dead-units, saturated-units, zero-gradients,
--   overfitting, clip-too-tight
-- message: backward begins with gradients of norm {observed} from the steps before, in {count} logged steps
-- param: share = 0.5  -- of the optimizer steps that no zero_grad went before; the last step of a log may lack its own
-- why: Every step adds its gradient to all earlier ones: directions long outdated push on, ever harder.
-- remedy: Clear them once per optimizer step: `optimizer.zero_grad()` after `optimizer.step()`.
-- silent-on: gradient accumulation, gradients cleared by `p.grad = None`
-- evidence: SELECT step, entry_norm, total_norm FROM current_grads WHERE run = :run ORDER BY step LIMIT 20
WITH counted AS (
    SELECT
        rank,
        SUM(CASE WHEN num_zero_grad = 0 THEN 1 ELSE 0 END) AS num_bare,
        COUNT(*) AS num_stepped
    FROM current_loops
    WHERE run = :run AND num_optimizer_steps > 0
    GROUP BY rank
)
SELECT g.step, 'gradients' AS subject, g.entry_norm AS observed, 0.0 AS threshold, g.rank
FROM current_grads AS g
INNER JOIN counted AS c ON g.rank = c.rank
WHERE g.run = :run AND g.entry_norm > 0 AND c.num_bare > :share * c.num_stepped
ORDER BY g.step, g.rank
