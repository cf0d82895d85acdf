-- title: Another term of the loss outweighs what the labels say
-- severity: warning
-- without-effect: note
-- stage: loss
-- confidence: likely
-- needs: steps.loss, steps.cross_entropy | steps.mean_squared_error
-- explains: not-learning, unstable, not-finite, loss-objective-differs, learning-rate-too-high, initial-loss-too-high,
--   vanishing-gradients, exploding-gradients
-- message: at the start the loss is {observed}, of which the labels make {threshold}
-- param: ratio = 5.0    -- loss at the start / cross entropy or squared error of the same outputs
-- param: spread = 1.05  -- how much that ratio changes; where it does not, the loss is only scaled
-- why: The optimizer serves the largest term first; what the labels say is a rounding error beside it.
-- remedy: Weigh the terms so that they are alike at the start: `loss = ce + 0.01 * penalty`.
-- evidence: SELECT step, loss, cross_entropy, mean_squared_error FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        step,
        loss,
        COALESCE(cross_entropy, mean_squared_error) AS error,
        cross_entropy,
        segment,
        seq
    FROM current_steps
    WHERE run = :run AND loss > 0 AND COALESCE(cross_entropy, mean_squared_error) > 1e-3
),
beginning AS (
    SELECT * FROM logged ORDER BY segment, seq LIMIT 1
),
run_wide AS (
    SELECT MIN(loss / error) AS smallest, MAX(loss / error) AS largest FROM logged
)
SELECT b.step, 'loss' AS subject, b.loss AS observed, b.error AS threshold
FROM beginning AS b
CROSS JOIN run_wide AS r
WHERE
    b.loss > :ratio * b.error
    AND r.largest > :spread * r.smallest
    AND (
        b.cross_entropy IS NOT NULL
        OR EXISTS (
            SELECT 1 FROM current_wiring AS w
            WHERE
                w.run = :run
                AND (w.loss_function LIKE 'Add%' OR w.loss_function LIKE 'Mul%' OR w.loss_function LIKE 'Div%')
        )
    )
