-- title: The loss reaches parameters that the model does not own
-- severity: error
-- stage: wiring
-- confidence: certain
-- needs: wiring.num_reached_not_in_model, wiring.num_reached_not_in_optimizer
-- explains: not-learning, unstable, not-finite, learning-rate-too-low, vanishing-gradients
-- message: {observed} parameters take part in the loss but belong neither to the model nor to an optimizer
-- why: A call of `model.parameters()` does not list them, so they are neither trained nor saved nor moved to the device.
-- remedy: Keep layers in a module: `self.layers = nn.ModuleList(layers)`, not in a plain list or dictionary.
-- silent-on: parameters of a loss module that an optimizer holds
-- evidence: SELECT step, num_reached, num_reached_not_in_model, num_reached_not_in_optimizer FROM current_wiring WHERE run = :run
SELECT step, 'loss' AS subject, num_reached_not_in_model AS observed, 0 AS threshold, rank
FROM current_wiring
WHERE
    run = :run
    AND num_reached_not_in_model > 0
    AND num_reached_not_in_optimizer > 0
    AND COALESCE(num_optimizer_not_in_model, 0) = 0
    AND COALESCE(num_trainable_not_in_optimizer, 0) = 0
ORDER BY step, rank
