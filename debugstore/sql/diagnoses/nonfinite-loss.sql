-- title: The loss is NaN or infinite
-- severity: error
-- stage: symptom
-- moment: step
-- confidence: certain
-- needs: steps.loss
-- explains: nonfinite-gradients, nonfinite-parameters, not-learning, zero-gradients, unstable, no-parameter-updates,
--   learning-rate-too-high
-- message: the loss is {subject} at step {first_step}; {count} logged losses are not finite
-- why: From the first NaN on every gradient and every parameter it touches is NaN too: nothing after that step is training.
-- remedy: Look at the batch and the gradients of that step: `debugstore show RUN --around {first_step}`.
-- evidence: SELECT step, loss, nonfinite FROM current_steps WHERE run = :run AND step >= :first_step - 50 ORDER BY step LIMIT 20
SELECT
    step,
    CASE
        WHEN nonfinite LIKE '%"loss":"nan"%' THEN 'nan'
        WHEN nonfinite LIKE '%"loss":"inf"%' THEN 'inf'
        ELSE '-inf'
    END AS subject,
    NULL AS observed,
    NULL AS threshold,
    rank
FROM current_steps
WHERE run = :run AND loss IS NULL AND nonfinite LIKE '%"loss":%'
ORDER BY step, rank
