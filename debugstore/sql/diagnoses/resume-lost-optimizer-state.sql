-- title: The resume lost the optimizer's state
-- severity: warning
-- stage: resume
-- confidence: certain
-- needs: fit_starts.num_params_with_state
-- explains: loss-spike, gradient-spike, loss-diverging, learning-rate-too-high, overfitting
-- message: the segment that goes on at step {first_step} starts with state for {observed} parameters, the one before had some
-- why: Momentum and squared gradients begin at zero, so the first steps are several times too large.
-- remedy: Save and load it: `optimizer.load_state_dict(checkpoint['optimizer'])` before the first step.
-- silent-on: optimizers without a state, such as plain SGD
-- evidence: SELECT segment, step, num_params_with_state, optimizer_step_count FROM fit_starts WHERE run = :run ORDER BY step
SELECT f.step, 'optimizer' AS subject, f.num_params_with_state AS observed, 1 AS threshold
FROM fit_starts AS f
WHERE
    f.run = :run
    AND f.start_step > 0
    AND f.num_params_with_state = 0
    AND EXISTS (
        SELECT 1 FROM optimizer_groups AS o
        WHERE o.run = :run AND o.segment = f.segment AND (o.type <> 'SGD' OR o.momentum > 0)
    )
    AND EXISTS (SELECT 1 FROM fit_starts AS e WHERE e.run = :run AND e.rank = f.rank AND e.start_step < f.start_step)
ORDER BY f.step
