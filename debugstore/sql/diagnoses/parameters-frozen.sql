-- title: Parameters are frozen
-- severity: warning
-- without-effect: note
-- stage: wiring
-- confidence: possible
-- needs: wiring.num_frozen
-- explains: not-learning, loss-detached
-- message: {observed} of {threshold} tensors do not require a gradient, {subject}
-- why: What is frozen stays as it was initialized; on a model that was not pretrained that is noise.
-- remedy: If that was not meant, thaw them before the optimizer is built: `model.requires_grad_(True)`.
-- evidence: SELECT step, num_frozen, num_frozen_in_optimizer, num_model_params FROM current_wiring WHERE run = :run
SELECT
    step,
    CASE
        WHEN num_frozen_in_optimizer > 0 THEN 'and the optimizer holds them all the same'
        ELSE 'and the optimizer knows'
    END AS subject,
    num_frozen AS observed,
    num_model_params AS threshold
FROM current_wiring
WHERE run = :run AND num_frozen > 0
ORDER BY step
