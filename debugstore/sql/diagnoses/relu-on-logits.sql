-- title: The logits come out of a ReLU
-- severity: warning
-- stage: loss
-- confidence: likely
-- needs: steps.output_min, steps.output_zero_share
-- explains: not-learning, dead-units, zero-gradients, vanishing-gradients
-- message: no output is ever below zero and {observed} of them are exactly zero
-- param: zeros = 0.1  -- share of outputs; those of a linear layer are never exactly zero
-- param: rows = 2     -- logged steps
-- why: A class whose logit is zero gets no gradient, and no class can be argued against.
-- remedy: End the model with a linear layer: `nn.Sequential(..., nn.ReLU(), nn.Linear(width, num_classes))`.
-- silent-on: probabilities
-- evidence: SELECT step, output_min, output_max, output_zero_share FROM current_steps WHERE run = :run AND output_max IS NOT NULL ORDER BY step LIMIT 20
WITH run_wide AS (
    SELECT
        MIN(step) AS step,
        COUNT(*) AS num_rows,
        MIN(output_min) AS smallest,
        MAX(output_max) AS largest,
        AVG(output_zero_share) AS zero_share,
        MIN(output_zero_share) AS least_zero_share,
        MIN(row_sum_error) AS best_row
    FROM current_steps
    WHERE run = :run AND output_zero_share IS NOT NULL
)
SELECT step, 'outputs' AS subject, zero_share AS observed, :zeros AS threshold
FROM run_wide
WHERE
    num_rows >= :rows
    AND smallest = 0
    AND largest > 0
    AND zero_share > :zeros
    AND COALESCE(best_row, 1) > 1e-3
