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
WITH means AS (
    SELECT
        MIN(s.step) AS first_step,
        COUNT(*) AS num_rows,
        AVG(s.accuracy) FILTER (WHERE 4 * (s.step - b.first_step) <= b.last_step - b.first_step) AS early_accuracy,
        AVG(s.accuracy) FILTER (WHERE 4 * (b.last_step - s.step) <= b.last_step - b.first_step) AS late_accuracy,
        MAX(s.learning_rate) FILTER (WHERE 4 * (b.last_step - s.step) <= b.last_step - b.first_step) AS late_rate,
        MAX(s.learning_rate) FILTER (WHERE 4 * (b.last_step - s.step) > b.last_step - b.first_step) AS rate_before
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    WHERE s.run = :run AND s.accuracy IS NOT NULL
)
SELECT first_step AS step, 'accuracy' AS subject, late_accuracy AS observed, early_accuracy AS threshold
FROM means
WHERE
    num_rows >= :min_rows
    AND late_accuracy - early_accuracy < :gain
    AND late_accuracy < :accurate
    AND COALESCE(late_rate, 0) <= 1.001 * COALESCE(rate_before, late_rate, 0)
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
