-- title: The loss has no history to go back along
-- severity: error
-- stage: wiring
-- confidence: certain
-- needs: wiring.loss_is_leaf
-- explains: not-learning, no-parameter-updates, zero-gradients, training-failed, missing-optimizer-step, graph-detached
-- message: the loss is a tensor made anew, and no parameter ever gets a gradient
-- why: After `torch.tensor(loss)`, `.item()`, `detach()` or `argmax` there is a number left that knows nothing of the model.
-- remedy: Hand the criterion the outputs as they are: `loss = criterion(model(x), y); loss.backward()`.
-- silent-on: a loss that is detached for logging alone
-- evidence: SELECT step, loss_is_leaf, loss_function, graph_nodes FROM current_wiring WHERE run = :run
SELECT step, 'loss' AS subject, 1 AS observed, 0 AS threshold, rank
FROM current_wiring
WHERE
    run = :run
    AND loss_is_leaf
    AND NOT EXISTS (SELECT 1 FROM current_grads AS g WHERE g.run = :run AND g.num_params_with_grad > 0)
ORDER BY step, rank
