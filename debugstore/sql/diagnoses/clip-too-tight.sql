-- title: Clipping leaves next to nothing of the gradients
-- severity: error
-- without-effect: clear
-- stage: hyperparameters
-- needs: grads.clipped_norm, param_updates.update_ratio
-- explains: not-learning, learning-rate-too-low, updates-lost-to-rounding
-- message: clipping leaves {observed} of the gradient's norm in {count} logged steps, and the steps are as small
-- param: kept = 0.01   -- clipped / total norm; sound clipping keeps a tenth or more
-- param: ratio = 1e-4  -- update / weights; an adaptive optimizer scales clipped gradients up again and stays above
-- param: share = 0.5   -- of the logged steps
-- why: Under SGD the step is proportional to what is left, so the parameters hardly move.
-- remedy: Raise the limit to about the usual total norm: `torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)`.
-- silent-on: adaptive optimizers, clipping that leaves a run learning
-- evidence: SELECT step, total_norm, clipped_norm FROM current_grads WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        step,
        clipped_norm / NULLIF(total_norm, 0) AS kept
    FROM current_grads
    WHERE run = :run AND clipped_norm IS NOT NULL AND total_norm > 0
),
counted AS (
    SELECT
        step,
        kept,
        SUM(CASE WHEN kept < :kept THEN 1 ELSE 0 END) OVER () AS num_tight,
        COUNT(*) OVER () AS num_rows
    FROM logged
)
SELECT step, 'gradients' AS subject, kept AS observed, :kept AS threshold
FROM counted
WHERE
    kept < :kept
    AND kept > 0
    AND num_tight > :share * num_rows
    AND (SELECT MAX(u.update_ratio) FROM current_param_updates AS u WHERE u.run = :run) < :ratio
ORDER BY step
