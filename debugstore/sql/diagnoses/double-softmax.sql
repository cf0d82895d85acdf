-- title: The loss takes a softmax or sigmoid of probabilities
-- severity: error
-- without-effect: warning
-- stage: loss
-- confidence: likely
-- needs: steps.output_min, steps.output_max
-- explains: not-learning, vanishing-gradients, overfitting
-- message: the outputs are probabilities already ({subject}), and the loss treats them as logits
-- param: rows = 2        -- logged steps
-- param: error = 1e-3    -- mean distance of a row's sum from 1
-- param: sharp = 0.3     -- above 1 / C, of the largest output of a batch that can tell: near 1 / C the loss of p and of log p are alike
-- param: agreement = 0.02  -- mean difference of the loss and the cross entropy of a sample of the outputs as logits, of the latter
-- why: Squashed twice, outputs lie in 0..1 and the loss cannot come near zero; gradients are a tenth of what they should be.
-- remedy: Hand the criterion raw outputs: remove the softmax or sigmoid at the model's end; `F.cross_entropy(logits, y)` has its own.
-- silent-on: log_softmax before cross entropy, a softmax whose logarithm is taken
-- evidence: SELECT step, output_min, output_max, row_sum_error, loss, cross_entropy FROM current_steps WHERE run = :run AND output_max IS NOT NULL ORDER BY step LIMIT 20
WITH run_wide AS (
    SELECT
        MIN(step) AS step,
        COUNT(*) AS num_rows,
        MIN(output_min) AS smallest,
        MAX(output_max) AS largest,
        MAX(row_sum_error) AS worst_sum,
        AVG(ABS(loss - cross_entropy) / NULLIF(cross_entropy, 0))
            FILTER (WHERE output_max >= :sharp + 1.0 / output_width) AS disagreement,
        COUNT(cross_entropy) FILTER (WHERE output_max >= :sharp + 1.0 / output_width) AS num_compared,
        MAX(output_width) AS width
    FROM current_steps
    WHERE run = :run AND output_max IS NOT NULL AND loss IS NOT NULL
)
SELECT step, 'each row sums to 1' AS subject, worst_sum AS observed, :error AS threshold
FROM run_wide
WHERE
    num_rows >= :rows
    AND smallest >= 0
    AND largest <= 1.0001
    AND width > 1
    AND worst_sum < :error
    AND num_compared >= :rows
    AND disagreement < :agreement
UNION ALL
SELECT step, 'all lie between 0 and 1' AS subject, largest AS observed, 1.0 AS threshold
FROM run_wide
WHERE
    num_rows >= :rows
    AND smallest >= 0
    AND largest <= 1.0001
    AND EXISTS (
        SELECT 1 FROM current_wiring AS w
        WHERE w.run = :run AND w.loss_function LIKE 'BinaryCrossEntropyWithLogits%'
    )
