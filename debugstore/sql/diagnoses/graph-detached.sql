-- title: The graph is cut: modules ran whose parameters the loss does not reach
-- severity: error
-- stage: wiring
-- confidence: certain
-- needs: wiring.num_not_reached_used
-- explains: not-learning, no-parameter-updates, zero-gradients, learning-rate-too-low, vanishing-gradients
-- message: {observed} trainable tensors ran in the forward pass but get no gradient; the cut comes after {subject}
-- why: Behind `detach()`, `no_grad()`, `.item()`, `.numpy()` or an index nothing is learned, whatever the loss does.
-- remedy: Let tensors flow from that module to the loss: `loss = criterion(model(x), y)` without a detour through NumPy or `.data`.
-- silent-on: modules that were not called, teachers and copies that no optimizer holds, several optimizers, parameters
--   that another loss than the logged one moves
-- evidence: SELECT step, num_trainable_not_reached, num_not_reached_used, last_used_module, trainable_not_reached
--   FROM current_wiring WHERE run = :run
SELECT
    step,
    last_used_module AS subject,
    num_not_reached_used - COALESCE(num_trainable_not_in_optimizer, 0) AS observed,
    0 AS threshold,
    rank
FROM current_wiring AS w
WHERE
    run = :run
    AND num_not_reached_used > COALESCE(num_trainable_not_in_optimizer, 0)
    AND NOT COALESCE(may_hide_leaves, FALSE)
    AND NOT COALESCE(loss_is_leaf, FALSE)
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
    AND NOT EXISTS (
        SELECT 1 FROM current_param_updates AS u
        WHERE u.run = :run AND u.rank = w.rank AND u.num_params_updated > w.num_trainable - w.num_trainable_not_reached
    )
ORDER BY step, rank
