-- title: Another term of the loss outweighs what the labels say
-- severity: warning
-- without-effect: note
-- stage: loss
-- confidence: likely
-- needs: steps.loss, steps.cross_entropy | steps.label_variance
-- explains: not-learning, unstable, not-finite, loss-objective-differs, learning-rate-too-high, initial-loss-too-high,
--   vanishing-gradients, exploding-gradients
-- message: at the start the loss is {observed}, and what the labels can make of it {threshold}
-- param: ratio = 5.0    -- loss at the start / cross entropy, or / the square of the largest error possible
-- param: spread = 1.05  -- how much that ratio changes; where it does not, the loss is only scaled
-- why: The optimizer serves the largest term first; what the labels say is a rounding error beside it.
-- remedy: Weigh the terms so that they are alike at the start: `loss = ce + 0.01 * penalty`.
-- evidence: SELECT step, loss, cross_entropy FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        step,
        loss,
        COALESCE(
            cross_entropy,
            CASE
                WHEN label_max - output_min > output_max - label_min
                    THEN (label_max - output_min) * (label_max - output_min)
                ELSE (output_max - label_min) * (output_max - label_min)
            END
        ) AS most,
        loss / NULLIF(COALESCE(cross_entropy, label_variance), 0) AS ratio,
        num_valid_tokens,
        cross_entropy,
        segment,
        seq
    FROM current_steps
    WHERE run = :run AND loss > 0 AND (cross_entropy > 1e-3 OR (label_variance > 0 AND output_max IS NOT NULL))
),
beginning AS (
    SELECT * FROM logged ORDER BY segment, seq LIMIT 1
),
run_wide AS (
    SELECT MIN(ratio) AS smallest, MAX(ratio) AS largest FROM logged
)
SELECT b.step, 'loss' AS subject, b.loss AS observed, b.most AS threshold
FROM beginning AS b
CROSS JOIN run_wide AS r
WHERE
    b.loss > :ratio * (b.most + CASE WHEN b.cross_entropy IS NULL THEN 1 ELSE 0 END)
    AND r.largest > :spread * r.smallest
    AND (b.cross_entropy IS NOT NULL OR b.ratio > 3.0 * b.num_valid_tokens)
