-- title: The first loss is far above that of guessing
-- severity: error
-- without-effect: note
-- stage: initialization
-- confidence: likely
-- needs: steps.loss
-- explains: not-learning, not-finite, unstable, learning-rate-too-high, clip-too-tight, saturated-units,
--   dead-units, zero-gradients, weight-decay-dominates, overfitting, vanishing-gradients, learning-rate-too-low,
--   embeddings-too-large
-- message: the first {subject} is {observed}, guessing costs less than {threshold}
-- param: digit = 6.9     -- nats a decimal digit of the number of classes: three times ln 10, so three times guessing
-- param: variances = 3.0  -- squared error / variance of the labels; guessing the mean costs 1
-- why: The model starts out sure of wrong answers: weights, outputs or labels are on the wrong scale.
-- remedy: Leave the layers' own initialization, scale embeddings by `std=0.02`, standardise real labels: `y = (y - y.mean()) / y.std()`.
-- silent-on: a pretrained start; a first loss that is high and harms nothing is a note
-- evidence: SELECT step, loss, cross_entropy, output_std, label_variance FROM current_steps WHERE run = :run ORDER BY step LIMIT 5
WITH first_steps AS (
    SELECT step, loss, cross_entropy, label_variance, num_valid_tokens, nonfinite, segment, seq
    FROM current_steps
    WHERE run = :run
    ORDER BY segment, seq
    LIMIT 1
),
settings AS (
    SELECT MAX(num_classes) AS num_classes, MIN(COALESCE(start_step, 0)) AS start_step FROM fit_starts WHERE run = :run
)
SELECT
    f.step,
    'cross entropy' AS subject,
    f.cross_entropy AS observed,
    :digit * LENGTH(CAST(c.num_classes - 1 AS TEXT)) AS threshold
FROM first_steps AS f
CROSS JOIN settings AS c
WHERE c.num_classes > 1 AND f.cross_entropy > :digit * LENGTH(CAST(c.num_classes - 1 AS TEXT))
UNION ALL
SELECT f.step, 'loss' AS subject, f.loss AS observed, :digit * LENGTH(CAST(c.num_classes - 1 AS TEXT)) AS threshold
FROM first_steps AS f
CROSS JOIN settings AS c
WHERE
    c.num_classes > 1
    AND f.cross_entropy IS NULL
    AND f.label_variance IS NULL
    AND f.loss > :digit * LENGTH(CAST(c.num_classes - 1 AS TEXT))
UNION ALL
SELECT f.step, 'loss' AS subject, f.loss AS observed, :variances * f.label_variance AS threshold
FROM first_steps AS f
WHERE
    f.label_variance > 0
    AND f.loss > :variances * f.label_variance
    AND EXISTS (SELECT 1 FROM current_wiring AS w WHERE w.run = :run AND w.loss_function LIKE 'Mse%')
