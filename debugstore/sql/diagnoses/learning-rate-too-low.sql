-- title: The learning rate is too low
-- severity: error
-- without-effect: clear
-- stage: hyperparameters
-- needs: steps.learning_rate
-- explains: not-learning, updates-lost-to-rounding
-- message: the largest {subject} is {observed}, at least {threshold} is needed to get anywhere
-- param: ratio = 1e-5  -- update / weights; sound trainings stay near 1e-3, a careful fine-tuning near 1e-5
-- param: rate = 1e-6   -- learning rate, where no update was measured; no optimizer in use learns from nothing at this rate
-- why: At this pace the parameters would need a hundred thousand steps to move by their own size.
-- remedy: Multiply the learning rate by 10 until the loss falls: `torch.optim.AdamW(model.parameters(), lr=3e-4)`.
-- silent-on: a slow fine-tuning whose loss falls
-- evidence: SELECT step, learning_rate FROM current_steps WHERE run = :run ORDER BY learning_rate DESC LIMIT 20
WITH updates AS (
    SELECT MIN(step) AS step, MAX(update_ratio) AS ratio
    FROM current_param_updates
    WHERE run = :run AND update_ratio > 0
),
rates AS (
    SELECT MIN(step) AS step, MAX(learning_rate) AS rate
    FROM current_steps
    WHERE run = :run AND learning_rate > 0
)
SELECT step, 'update ratio' AS subject, ratio AS observed, :ratio AS threshold
FROM updates
WHERE ratio < :ratio
UNION ALL
SELECT rates.step, 'learning rate' AS subject, rates.rate AS observed, :rate AS threshold
FROM rates
CROSS JOIN updates
WHERE rates.rate < :rate AND updates.ratio IS NULL
