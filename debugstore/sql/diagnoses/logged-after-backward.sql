-- title: A step is logged after its backward
-- severity: note
-- stage: loop
-- confidence: certain
-- needs: loops.num_total_backward, loops.num_optimizer_steps, loops.num_total_optimizer_steps, wiring.loss_is_leaf
-- message: the optimizer had made {observed} step when training_step was called for the first time, and no backward followed
-- why: What the logger calls a step is then the end of one and the beginning of the next: its gradients and update are one step late.
-- remedy: Log between forward and backward: `log.training_step(loss, logits=logits, labels=y, inputs=x)`, then `loss.backward()`.
-- silent-on: a loss given as a plain number or detached for logging; several optimizers
-- evidence: SELECT step, call_order, num_total_backward, num_total_optimizer_steps FROM current_loops WHERE run = :run ORDER BY step LIMIT 20
WITH totals AS (
    SELECT
        MIN(step) AS step,
        MAX(num_total_backward) AS backwards,
        MIN(num_total_optimizer_steps - num_optimizer_steps) AS earlier_steps
    FROM current_loops
    WHERE run = :run
)
SELECT step, 'training_step' AS subject, earlier_steps AS observed, 0 AS threshold
FROM totals
WHERE
    backwards = 0
    AND earlier_steps > 0
    AND EXISTS (SELECT 1 FROM current_wiring AS w WHERE w.run = :run AND NOT w.loss_is_leaf)
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
