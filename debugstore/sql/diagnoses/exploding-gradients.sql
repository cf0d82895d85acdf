-- title: Gradients explode
-- severity: warning
-- without-effect: note
-- stage: symptom
-- moment: step
-- needs: grads.total_norm
-- explains: nonfinite-gradients, later nonfinite-loss, nonfinite-parameters, not-learning, later loss-spike,
--   gradient-spike
-- message: the total norm reaches {observed}, more than {threshold}, in {count} logged steps
-- param: limit = 1000.0  -- ten times the norms of a badly scaled but sound training; a summed loss may pass it in health
-- why: Steps as large as these throw the parameters out of the region where the loss has a slope.
-- remedy: Clip before the step: `torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)`; then look for the cause in learning rate, initialization and input scale.
-- evidence: SELECT step, total_norm, clipped_norm, max_grad FROM current_grads WHERE run = :run AND total_norm > :limit ORDER BY step LIMIT 20
SELECT step, 'total_norm' AS subject, total_norm AS observed, :limit AS threshold, rank
FROM current_grads
WHERE run = :run AND total_norm > :limit
ORDER BY total_norm DESC, step ASC, rank ASC
