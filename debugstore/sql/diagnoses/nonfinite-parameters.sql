-- title: Parameters are NaN or infinite
-- severity: error
-- stage: symptom
-- moment: step
-- confidence: certain
-- needs: param_updates.num_nonfinite_params
-- explains: not-learning, later nonfinite-loss, later nonfinite-gradients, dead-units, zero-gradients
-- message: {observed} parameters are not finite after step {first_step}, the first is {subject}
-- why: There is no way back: every forward pass from here on gives NaN.
-- remedy: Go back to a checkpoint from before step {first_step}; clip gradients and lower the learning rate.
-- evidence: SELECT step, num_nonfinite_params, first_nonfinite_param, update_ratio FROM current_param_updates WHERE run = :run ORDER BY step LIMIT 20
SELECT step, first_nonfinite_param AS subject, num_nonfinite_params AS observed, 0 AS threshold, rank
FROM current_param_updates
WHERE run = :run AND num_nonfinite_params > 0
ORDER BY step, rank
