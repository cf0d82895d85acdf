-- title: The optimizer steps on gradients that still carry the loss scale
-- severity: error
-- without-effect: note
-- stage: precision
-- confidence: certain
-- needs: grads.loss_scale, grads.clipped_norm, grads.total_norm
-- explains: not-learning, not-finite, unstable, learning-rate-too-high, dead-units, zero-gradients, saturated-units
-- message: the optimizer sees a norm of {observed}, the gradients have {threshold}
-- param: ratio = 10.0  -- norm the optimizer sees / true norm; nothing but the scale makes it larger than 1
-- param: share = 0.5   -- of the logged steps
-- why: Under SGD the step is as many times too large as the scale; an adaptive optimizer only loses its eps.
-- remedy: Let the scaler step: `scaler.step(optimizer); scaler.update()`.
-- evidence: SELECT step, loss_scale, total_norm, clipped_norm FROM current_grads WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        rank,
        step,
        clipped_norm,
        total_norm,
        CASE WHEN clipped_norm > :ratio * total_norm THEN 1 ELSE 0 END AS scaled
    FROM current_grads
    WHERE run = :run AND loss_scale > :ratio AND total_norm > 0 AND clipped_norm IS NOT NULL
),
counted AS (
    SELECT
        logged.*,
        SUM(scaled) OVER (PARTITION BY rank) AS num_scaled,
        COUNT(*) OVER (PARTITION BY rank) AS num_rows
    FROM logged
)
SELECT step, 'gradients' AS subject, clipped_norm AS observed, total_norm AS threshold, rank
FROM counted
WHERE scaled = 1 AND num_scaled > :share * num_rows
ORDER BY step, rank
