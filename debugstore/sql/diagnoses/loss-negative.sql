-- title: A classification loss is negative
-- severity: error
-- stage: loss
-- confidence: likely
-- needs: steps.loss, steps.cross_entropy
-- explains: not-learning, not-finite, unstable, maximizing-loss, learning-rate-too-high, saturated-units, dead-units,
--   loss-objective-differs, loss-flat, majority-class-only, overfitting, zero-gradients
-- message: the loss is {observed} at step {step}, while the cross entropy of the same outputs is {threshold}
-- param: share = 0.5  -- of the logged steps
-- param: rows = 2     -- logged steps below zero
-- why: A likelihood's negative logarithm is never below zero: the sign is wrong, or probabilities or logits went in as logarithms.
-- remedy: Use `F.cross_entropy(logits, y)`, or `F.nll_loss(logits.log_softmax(-1), y)`, without a minus of your own.
-- silent-on: losses without class labels, such as densities and rewards
-- evidence: SELECT step, loss, cross_entropy, output_min, output_max FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        step,
        loss,
        cross_entropy,
        SUM(CASE WHEN loss < 0 THEN 1 ELSE 0 END) OVER () AS num_negative,
        COUNT(*) OVER () AS num_rows
    FROM current_steps
    WHERE run = :run AND loss IS NOT NULL AND cross_entropy IS NOT NULL
)
SELECT step, 'loss' AS subject, loss AS observed, cross_entropy AS threshold
FROM logged
WHERE
    loss < 0
    AND num_negative >= :rows
    AND num_negative > :share * num_rows
    AND EXISTS (
        SELECT 1 FROM current_wiring AS w
        WHERE w.run = :run AND (w.loss_function LIKE 'Nll%' OR w.loss_function LIKE 'Neg%')
    )
ORDER BY step
