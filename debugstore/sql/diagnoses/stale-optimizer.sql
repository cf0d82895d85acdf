-- title: The optimizer holds parameters of another model
-- severity: error
-- stage: wiring
-- confidence: certain
-- needs: wiring.num_optimizer_not_in_model, wiring.num_trainable_not_in_optimizer
-- explains: not-learning, unstable, not-finite, no-parameter-updates, zero-gradients, vanishing-gradients,
--   learning-rate-too-low, learning-rate-too-high, missing-zero-grad, updates-lost-to-rounding
-- message: {observed} tensors in the optimizer are not the model's, which has trainable tensors that no optimizer holds
-- why: The model was copied, moved, wrapped or changed after the optimizer was built, so the steps train tensors nobody uses.
-- remedy: Build the optimizer after the last change to the model: `optimizer = torch.optim.AdamW(model.parameters(), lr=lr)`.
-- silent-on: an optimizer that also holds a loss module's parameters
-- evidence: SELECT step, num_in_optimizer, num_optimizer_not_in_model, num_trainable_not_in_optimizer, trainable_not_in_optimizer
--   FROM current_wiring WHERE run = :run
SELECT step, 'optimizer' AS subject, num_optimizer_not_in_model AS observed, 0 AS threshold, rank
FROM current_wiring
WHERE run = :run AND num_optimizer_not_in_model > 0 AND num_trainable_not_in_optimizer > 0
ORDER BY step, rank
