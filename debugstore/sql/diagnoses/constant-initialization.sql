-- title: Weight matrices start at one repeated value
-- severity: error
-- without-effect: warning
-- stage: initialization
-- confidence: likely
-- needs: fit_starts.num_constant_params, fit_starts.num_zero_params
-- explains: not-learning, vanishing-gradients, dead-units, learning-rate-too-low, learning-rate-too-high, initial-loss-too-high,
--   exploding-gradients, exploding-activations, unstable, overfitting
-- message: {observed} weight matrices hold one value that is not zero
-- why: Units that start alike get the same gradient and stay alike: a layer is as good as one unit.
-- remedy: Leave the layers' own initialization, or `nn.init.xavier_uniform_(layer.weight)`.
-- silent-on: matrices of zeros, which adapters and residual branches have on purpose
-- evidence: SELECT step, num_constant_params, num_zero_params FROM fit_starts WHERE run = :run
SELECT step, 'weights' AS subject, num_constant_params - num_zero_params AS observed, 0 AS threshold
FROM fit_starts
WHERE run = :run AND num_constant_params > num_zero_params AND COALESCE(start_step, 0) = 0
ORDER BY step
