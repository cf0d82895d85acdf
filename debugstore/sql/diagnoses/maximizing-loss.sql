-- title: The optimizer climbs the loss
-- severity: error
-- without-effect: note
-- stage: hyperparameters
-- confidence: likely
-- needs: optimizer_groups.maximize
-- explains: not-learning, not-finite, unstable, learning-rate-too-high, saturated-units, dead-units, zero-gradients
-- message: a parameter group has maximize=True, and the steps go along the gradient (cosine to its opposite {observed})
-- why: What is logged as a loss grows with every step; unless it is a reward, that is the wrong way.
-- remedy: Build the optimizer without it: `torch.optim.SGD(model.parameters(), lr=lr, maximize=False)`.
-- silent-on: nothing; without harm to see it is a note
-- evidence: SELECT optimizer_idx, group_idx, type, maximize FROM optimizer_groups WHERE run = :run
SELECT DISTINCT
    (SELECT MIN(f.step) FROM fit_starts AS f WHERE f.run = :run) AS step,
    'maximize' AS subject,
    (
        SELECT AVG(u.update_gradient_cosine) FROM current_param_updates AS u WHERE u.run = :run
    ) AS observed,
    0 AS threshold
FROM optimizer_groups AS o
WHERE o.run = :run AND o.maximize
