-- title: The loss reaches parameters that no optimizer holds
-- severity: error
-- stage: wiring
-- confidence: certain
-- needs: wiring.num_trainable_not_in_optimizer, wiring.num_reached_not_in_optimizer
-- explains: not-learning, unstable, not-finite, no-parameter-updates, learning-rate-too-low, vanishing-gradients
-- message: {observed} trainable tensors are in no optimizer: {subject}
-- why: They get gradients that nobody uses and nobody clears; they stay as they were initialized.
-- remedy: Give the optimizer all of them, `torch.optim.AdamW(model.parameters(), lr=lr)`, or freeze them on purpose, `p.requires_grad_(False)`.
-- silent-on: frozen parameters, parameters the loss does not reach, copies such as a moving average
-- evidence: SELECT step, num_trainable, num_in_optimizer, num_trainable_not_in_optimizer, trainable_not_in_optimizer
--   FROM current_wiring WHERE run = :run
SELECT
    step,
    trainable_not_in_optimizer AS subject,
    num_trainable_not_in_optimizer AS observed,
    0 AS threshold,
    rank
FROM current_wiring
WHERE
    run = :run
    AND num_trainable_not_in_optimizer > 0
    AND num_reached_not_in_optimizer > COALESCE(num_reached_not_in_model, 0)
    AND COALESCE(num_optimizer_not_in_model, 0) = 0
ORDER BY step, rank
