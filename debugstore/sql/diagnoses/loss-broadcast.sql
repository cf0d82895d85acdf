-- title: Outputs and labels are broadcast against each other
-- severity: error
-- without-effect: clear
-- stage: loss
-- confidence: likely
-- needs: steps.target_shape, steps.labels_shape, steps.label_variance
-- explains: not-learning
-- message: outputs of shape {subject} meet labels of one dimension: every output is compared with every label
-- why: Shapes (N, 1) and (N,) give N times N differences, whose best answer is the mean label for every sample.
-- remedy: Make the shapes equal: `F.mse_loss(out.squeeze(1), y)`.
-- param: paired = 1e-3  -- difference of the loss and the mean squared error of paired outputs and labels, of the latter
-- silent-on: outputs that are squeezed inside the loss, which then is the error of the pairs
-- evidence: SELECT step, target_shape, labels_shape, loss, label_variance FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
SELECT MIN(step) AS step, MAX(target_shape) AS subject, COUNT(*) AS observed, 0 AS threshold
FROM current_steps
WHERE run = :run AND label_variance IS NOT NULL AND target_shape LIKE '%,%1]' AND target_shape NOT LIKE '%,%,%'
    AND (target_shape LIKE '%,1]' OR target_shape LIKE '%, 1]')
    AND labels_shape NOT LIKE '%,%'
HAVING
    COUNT(*) > 0
    AND COALESCE(AVG(ABS(loss - mean_squared_error)) > :paired * AVG(mean_squared_error), TRUE)
