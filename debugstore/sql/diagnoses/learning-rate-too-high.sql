-- title: The learning rate is too high
-- severity: error
-- without-effect: clear
-- stage: hyperparameters
-- moment: step
-- needs: steps.learning_rate
-- explains: not-learning, not-finite, unstable, later nonfinite-loss, later nonfinite-gradients, zero-gradients,
--   vanishing-gradients, dead-units, saturated-units, overfitting
-- message: the {subject} is {observed}, {threshold} is much already
-- param: ratio = 0.1  -- update / weights; sound trainings stay near 1e-3, small nets under a fast Adam touch 0.05 at first
-- param: rows = 2     -- a single large first step can be chance
-- param: certain_ratio = 1.0  -- a single step that replaces the parameters altogether is none
-- param: rate = 0.05  -- learning rate, where no update was measured; plain SGD on a small net may bear it, nothing else
-- why: Steps of this size jump over the minimum; the loss then rises, sticks or becomes NaN.
-- remedy: Divide the learning rate by 10 until the loss falls, and warm it up: `torch.optim.AdamW(model.parameters(), lr=3e-4)`.
-- silent-on: large steps that do no harm
-- evidence: SELECT step, update_ratio, update_norm, weight_norm FROM current_param_updates WHERE run = :run AND update_ratio > :ratio ORDER BY step LIMIT 20
WITH updates AS (
    SELECT step, update_ratio
    FROM current_param_updates
    WHERE run = :run AND (update_ratio IS NOT NULL OR nonfinite LIKE '%"update_ratio":%')
),
large AS (
    SELECT
        step,
        update_ratio,
        COUNT(*) OVER () AS num_rows,
        MAX(update_ratio) OVER () AS largest
    FROM updates
    WHERE update_ratio > :ratio
)
SELECT step, 'update ratio' AS subject, update_ratio AS observed, :ratio AS threshold
FROM large
WHERE num_rows >= :rows OR largest > :certain_ratio
UNION ALL
SELECT MIN(step) AS step, 'learning rate' AS subject, MAX(learning_rate) AS observed, :rate AS threshold
FROM current_steps
WHERE run = :run AND learning_rate >= :rate AND NOT EXISTS (SELECT 1 FROM updates)
HAVING COUNT(*) >= :rows
