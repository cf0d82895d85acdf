-- title: Accumulated gradients are cleared in every micro-step
-- severity: error
-- stage: loop
-- confidence: certain
-- needs: loops.num_total_zero_grad, loops.num_total_backward, loops.num_total_optimizer_steps
-- explains: not-learning, gradient-spike, loss-spike
-- message: {observed} zero_grad calls for {threshold} optimizer steps: only the last micro-step of each counts
-- param: ratio = 1.8  -- zero_grad calls and backward passes per optimizer step; one and a half could be an odd end
-- why: All micro-steps but the last are computed for nothing; the effective batch is a fraction of what was meant.
-- remedy: Clear once per optimizer step: call `optimizer.zero_grad()` after `optimizer.step()`, outside the loop over micro-steps.
-- silent-on: several optimizers, a closure that the optimizer calls as often as it likes
-- evidence: SELECT step, call_order, num_total_zero_grad, num_total_optimizer_steps FROM current_loops WHERE run = :run ORDER BY step LIMIT 20
WITH totals AS (
    SELECT
        MIN(step) AS step,
        MAX(num_total_zero_grad) AS zero_grads,
        MAX(num_total_backward) AS backwards,
        MAX(num_total_optimizer_steps) + COALESCE(MAX(num_skipped_steps), 0) AS optimizer_steps
    FROM current_loops
    WHERE run = :run
)
SELECT step, 'zero_grad' AS subject, zero_grads AS observed, optimizer_steps AS threshold
FROM totals
WHERE
    optimizer_steps >= 2
    AND zero_grads > :ratio * optimizer_steps
    AND backwards > :ratio * optimizer_steps
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
    AND NOT EXISTS (SELECT 1 FROM current_loops AS l WHERE l.run = :run AND l.in_closure)
