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
    SELECT
        step,
        accuracy,
        learning_rate,
        NTILE(4) OVER in_order AS quarter,
        ROW_NUMBER() OVER in_order AS place,
        COUNT(*) OVER () AS num_rows
    FROM current_steps
    WHERE run = :run AND accuracy IS NOT NULL AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
    WINDOW in_order AS (ORDER BY step, segment, seq)
),
means AS (
    SELECT
        MIN(step) AS first_step,
        MAX(num_rows) AS num_rows,
        AVG(accuracy) FILTER (WHERE quarter = 1) AS early_accuracy,
        AVG(accuracy) FILTER (WHERE quarter = 4) AS late_accuracy,
        MAX(learning_rate) FILTER (WHERE 10 * place > 9 * num_rows) AS rate_at_end,
        MAX(learning_rate) FILTER (WHERE 10 * place <= 9 * num_rows) AS rate_before
    FROM logged
)
SELECT first_step AS step, 'accuracy' AS subject, late_accuracy AS observed, early_accuracy AS threshold
FROM means
WHERE
    num_rows >= :min_rows
    AND late_accuracy - early_accuracy < :gain
    AND late_accuracy < :accurate
    AND COALESCE(rate_at_end, 0) <= 1.001 * COALESCE(rate_before, rate_at_end, 0)
