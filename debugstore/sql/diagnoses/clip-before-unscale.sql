-- title: Gradients are clipped while they still carry the loss scale
-- severity: error
-- without-effect: warning
-- stage: precision
-- confidence: likely
-- needs: grads.loss_scale, grads.clipped_norm, grads.total_norm
-- explains: not-learning, clip-too-tight, learning-rate-too-low, updates-lost-to-rounding, vanishing-gradients
-- message: the optimizer sees a norm of {observed}, which is the clipping limit divided by the loss scale
-- param: kept = 0.02     -- clipped / total norm; sound clipping keeps a tenth or more
-- param: spread = 1.1    -- largest / smallest clipped norm times scale; a limit is the same at every step
-- param: share = 0.5     -- of the logged steps
-- why: The limit is reached by the scale alone, so every step is cut to a ten-thousandth and unscaling then shrinks it again.
-- remedy: Unscale first: `scaler.unscale_(optimizer); clip_grad_norm_(model.parameters(), 1.0); scaler.step(optimizer)`.
-- evidence: SELECT step, loss_scale, total_norm, clipped_norm FROM current_grads WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        step,
        clipped_norm,
        clipped_norm / NULLIF(total_norm, 0) AS kept,
        clipped_norm * loss_scale AS scaled_norm
    FROM current_grads
    WHERE run = :run AND loss_scale > 100 AND clipped_norm > 0 AND total_norm > 0
),
run_wide AS (
    SELECT
        COUNT(*) AS num_rows,
        SUM(CASE WHEN kept < :kept THEN 1 ELSE 0 END) AS num_tight,
        MAX(CASE WHEN kept < :kept THEN scaled_norm END) AS largest,
        MIN(CASE WHEN kept < :kept THEN scaled_norm END) AS smallest
    FROM logged
)
SELECT l.step, 'gradients' AS subject, l.clipped_norm AS observed, l.scaled_norm AS threshold
FROM logged AS l
CROSS JOIN run_wide AS r
WHERE l.kept < :kept AND r.num_rows >= 2 AND r.num_tight > :share * r.num_rows AND r.largest < :spread * r.smallest
ORDER BY l.step
