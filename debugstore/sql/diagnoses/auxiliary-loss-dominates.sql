-- title: Another term of the loss outweighs the cross entropy
-- severity: warning
-- without-effect: note
-- stage: loss
-- confidence: likely
-- needs: steps.loss, steps.cross_entropy
-- explains: not-learning, unstable, not-finite, loss-objective-differs, learning-rate-too-high, initial-loss-too-high,
--   vanishing-gradients, exploding-gradients
-- message: at the start the loss is {observed} and the cross entropy of the same outputs {threshold}
-- param: ratio = 5.0    -- loss / cross entropy at the start
-- param: spread = 1.05  -- how much that ratio changes; where it does not, the loss is only scaled
-- why: The optimizer serves the largest term first; what the labels say is a rounding error beside it.
-- remedy: Weigh the terms so that they are alike at the start: `loss = ce + 0.01 * penalty`.
-- evidence: SELECT step, loss, cross_entropy FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        step,
        loss,
        cross_entropy,
        loss / cross_entropy AS ratio,
        ROW_NUMBER() OVER (ORDER BY step, segment, seq) AS place
    FROM current_steps
    WHERE run = :run AND loss > 0 AND cross_entropy > 1e-3
),
run_wide AS (
    SELECT MIN(ratio) AS smallest, MAX(ratio) AS largest FROM logged
)
SELECT l.step, 'loss' AS subject, l.loss AS observed, l.cross_entropy AS threshold
FROM logged AS l
CROSS JOIN run_wide AS r
WHERE l.place = 1 AND l.ratio > :ratio AND r.largest > :spread * r.smallest
