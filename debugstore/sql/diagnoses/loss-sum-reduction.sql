-- title: The loss is a sum over samples, not a mean
-- severity: error
-- without-effect: note
-- stage: loss
-- confidence: likely
-- needs: steps.loss
-- explains: not-learning, not-finite, unstable, learning-rate-too-high, initial-loss-too-high, dead-units, zero-gradients,
--   saturated-units, clip-too-tight
-- message: the loss is {observed} times {subject}; a mean would be 1 times it
-- param: rows = 2        -- logged steps
-- param: factor = 1.9    -- loss / mean cross entropy or squared error of the same outputs
-- param: labels = 16     -- real labels a batch; a factor near their number is then no chance
-- param: spread = 1.1    -- largest / smallest such factor over a sample of the outputs; a penalty or smoothing makes it drift
-- param: near = 0.2     -- of such a factor by the number of labels from 1: the cross entropy is that of a sample of the outputs
-- why: The gradient grows with the batch, and under SGD a learning rate meant for a mean is as many times too large.
-- remedy: Take the mean: `F.cross_entropy(logits, y, reduction='mean')`, or divide the learning rate by the number of labels.
-- silent-on: nothing; a sum that does no harm is a note
-- evidence: SELECT step, loss, cross_entropy, num_valid_tokens FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH compared AS (
    SELECT
        MIN(step) AS step,
        COUNT(*) AS num_rows,
        CASE WHEN COUNT(cross_entropy) > 0 THEN 'the mean cross entropy' ELSE 'the mean squared error' END AS subject,
        MIN(loss / COALESCE(cross_entropy, mean_squared_error)) AS smallest,
        MAX(loss / COALESCE(cross_entropy, mean_squared_error)) AS largest,
        MAX(ABS(loss / cross_entropy / NULLIF(num_valid_tokens, 0) - 1)) AS from_labels
    FROM current_steps
    WHERE run = :run AND COALESCE(cross_entropy, mean_squared_error) > 1e-3 AND loss > 0
),
beginning AS (
    SELECT
        s.step,
        s.loss / s.label_variance AS factor,
        s.num_valid_tokens AS num_labels,
        COALESCE(s.cross_entropy, s.mean_squared_error) AS error
    FROM current_steps AS s
    WHERE s.run = :run AND s.loss > 0 AND s.label_variance > 0
    ORDER BY s.segment, s.seq
    LIMIT 1
)
SELECT step, subject, largest AS observed, 1 AS threshold
FROM compared
WHERE num_rows >= :rows AND smallest > :factor AND (largest < :spread * smallest OR from_labels < :near)
UNION ALL
SELECT step, 'the variance of the labels' AS subject, factor AS observed, 1 AS threshold
FROM beginning
WHERE
    error IS NULL
    AND num_labels >= :labels
    AND factor > 0.5 * num_labels
    AND factor < 3.0 * num_labels
