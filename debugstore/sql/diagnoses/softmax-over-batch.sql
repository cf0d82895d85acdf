-- title: The softmax runs over the batch, not over the classes
-- severity: error
-- stage: loss
-- confidence: certain
-- needs: steps.column_sum_error, steps.row_sum_error
-- explains: not-learning, vanishing-gradients, overfitting, learning-rate-too-low
-- message: the outputs of each class sum to 1 over the samples, those of a sample do not
-- param: rows = 2        -- logged steps
-- param: error = 1e-3    -- mean distance of a column's sum from 1
-- why: Samples compete for a class where classes should compete for a sample; nothing is learned.
-- remedy: Remove it, the loss has its own; where probabilities are needed: `logits.softmax(dim=-1)`.
-- evidence: SELECT step, column_sum_error, row_sum_error, output_min, output_max FROM current_steps WHERE run = :run AND output_max IS NOT NULL ORDER BY step LIMIT 20
WITH run_wide AS (
    SELECT
        MIN(step) AS step,
        COUNT(*) AS num_rows,
        MIN(output_min) AS smallest,
        MAX(output_max) AS largest,
        MAX(column_sum_error) AS worst_column,
        MIN(row_sum_error) AS best_row
    FROM current_steps
    WHERE run = :run AND column_sum_error IS NOT NULL
)
SELECT step, 'outputs' AS subject, worst_column AS observed, :error AS threshold
FROM run_wide
WHERE num_rows >= :rows AND smallest >= 0 AND largest <= 1.0001 AND worst_column < :error AND best_row > 10 * :error
