-- title: The accuracy does not rise
-- severity: note
-- stage: symptom
-- needs: steps.accuracy
-- message: the accuracy of the last quarter is {observed} in the mean, it was {threshold} in the first
-- param: min_rows = 12     -- logged accuracies below which a trend is guesswork
-- param: gain = 0.01       -- a hundredth of all labels; less is not learning
-- param: accurate = 0.8    -- accuracy from which on a flat one is a converged one
-- why: The loss may fall while the predictions stay as good as guessing, as when one class outweighs all others.
-- remedy: Compare what it predicts with the labels: `debugstore sql "SELECT step, sample_predictions, sample_labels FROM current_steps"`.
-- silent-on: converged runs, warm-up still under way
-- evidence: SELECT step, accuracy, loss, learning_rate FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT step, accuracy, learning_rate
    FROM current_steps
    WHERE run = :run AND accuracy IS NOT NULL AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
),
bounds AS (
    SELECT MIN(step) AS first_step, MAX(step) AS last_step, COUNT(*) AS num_rows FROM logged
),
means AS (
    SELECT
        AVG(l.accuracy) FILTER (WHERE 4 * (l.step - b.first_step) <= b.last_step - b.first_step) AS early_accuracy,
        AVG(l.accuracy) FILTER (WHERE 4 * (b.last_step - l.step) <= b.last_step - b.first_step) AS late_accuracy,
        MAX(l.learning_rate) FILTER (WHERE 4 * (b.last_step - l.step) <= b.last_step - b.first_step) AS late_rate,
        MAX(l.learning_rate) FILTER (WHERE 4 * (b.last_step - l.step) > b.last_step - b.first_step) AS rate_before
    FROM logged AS l
    CROSS JOIN bounds AS b
)
SELECT b.first_step AS step, 'accuracy' AS subject, m.late_accuracy AS observed, m.early_accuracy AS threshold
FROM means AS m
CROSS JOIN bounds AS b
WHERE
    b.num_rows >= :min_rows
    AND m.late_accuracy - m.early_accuracy < :gain
    AND m.late_accuracy < :accurate
    AND COALESCE(m.late_rate, 0) <= 1.001 * COALESCE(m.rate_before, m.late_rate, 0)
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
