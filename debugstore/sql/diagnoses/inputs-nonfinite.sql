-- title: Inputs are NaN or infinite
-- severity: error
-- without-effect: warning
-- stage: data
-- confidence: certain
-- needs: steps.num_nonfinite_inputs
-- explains: not-finite, not-learning, unstable, exploding-activations, dead-units, learning-rate-too-high,
--   initial-loss-too-high, training-failed
-- message: {observed} input elements are not finite at step {step}, in {count} logged batches in all
-- why: One NaN in a batch makes the loss, then every gradient, then every parameter NaN.
-- remedy: Find the sample, and guard the loader: `assert torch.isfinite(x).all()`.
-- evidence: SELECT step, num_nonfinite_inputs, batch_fingerprint FROM current_steps WHERE run = :run AND num_nonfinite_inputs > 0 ORDER BY step LIMIT 20
SELECT step, 'inputs' AS subject, num_nonfinite_inputs AS observed, 0 AS threshold, rank
FROM current_steps
WHERE run = :run AND num_nonfinite_inputs > 0
ORDER BY step, rank
