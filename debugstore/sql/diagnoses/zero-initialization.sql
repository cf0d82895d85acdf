-- title: The weights start at zero and stay without a gradient
-- severity: error
-- stage: initialization
-- confidence: likely
-- needs: fit_starts.num_zero_params, grads.num_zero_grad
-- explains: not-learning, zero-gradients, vanishing-gradients, dead-units, constant-initialization, learning-rate-too-low,
--   learning-rate-too-high, weight-decay-dominates, relu-on-logits
-- message: {threshold} weight matrices start at zero, and {observed} tensors still have a gradient of exactly zero
-- param: rows = 3     -- logged steps; an adapter or branch that starts at zero has its gradients from the second step on
-- param: share = 0.5  -- of the logged steps
-- why: Zero times anything is zero: no signal goes forward, no gradient comes back, all units stay alike.
-- remedy: Leave the layers' own initialization, or `nn.init.kaiming_normal_(layer.weight)`; only biases may be zero.
-- silent-on: adapters and residual branches that start at zero on purpose
-- evidence: SELECT step, total_norm, num_zero_grad, num_params_total FROM current_grads WHERE run = :run ORDER BY step LIMIT 20
WITH starts AS (
    SELECT MAX(num_zero_params) AS num_zero FROM fit_starts WHERE run = :run
),
logged AS (
    SELECT
        step,
        num_zero_grad,
        ROW_NUMBER() OVER (ORDER BY step, segment, seq) AS place,
        SUM(CASE WHEN num_zero_grad > 0 THEN 1 ELSE 0 END) OVER () AS num_still,
        COUNT(*) OVER () AS num_rows
    FROM current_grads
    WHERE run = :run AND num_zero_grad IS NOT NULL AND (SELECT s.num_zero FROM starts AS s) > 0
)
SELECT l.step, 'gradients' AS subject, l.num_zero_grad AS observed, s.num_zero AS threshold
FROM logged AS l
CROSS JOIN starts AS s
WHERE
    s.num_zero > 0
    AND l.num_zero_grad >= s.num_zero
    AND l.num_still >= :rows
    AND l.num_still > :share * l.num_rows
    AND (l.place > 2 OR l.num_still = l.num_rows)
ORDER BY l.step
