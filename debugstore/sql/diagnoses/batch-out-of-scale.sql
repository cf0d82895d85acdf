-- title: A batch is far out of the others' scale
-- severity: error
-- without-effect: note
-- stage: data
-- confidence: certain
-- needs: steps.input_abs_max
-- explains: not-learning, not-finite, unstable, learning-rate-too-high, learning-rate-too-low, dead-units, saturated-units,
--   zero-gradients, vanishing-gradients, clip-too-tight, overfitting
-- message: the largest input of the batch at step {step} is {observed}, {threshold} is already far above that of the others
-- param: rows = 6         -- logged batches
-- param: outlier = 30.0   -- largest input of a batch / mean over the other batches
-- param: largest = 10.0   -- largest input below which nothing is out of scale
-- why: One such batch makes a gradient as large, and the step that it causes can undo all steps before.
-- remedy: Look at the batch, `debugstore show RUN --around {step}`, and mend or drop the sample: `x = x.clamp(-10, 10)`.
-- silent-on: inputs that are all on one wrong scale, token ids
-- evidence: SELECT step, input_mean, input_std, input_abs_max, batch_fingerprint FROM current_steps WHERE run = :run AND step BETWEEN :step - 50 AND :step + 50 ORDER BY step LIMIT 20
WITH totals AS (
    SELECT COUNT(*) AS num_rows, SUM(input_abs_max) AS sum_max
    FROM current_steps
    WHERE run = :run AND input_abs_max IS NOT NULL
)
SELECT
    s.step,
    'largest input' AS subject,
    s.input_abs_max AS observed,
    :outlier * (t.sum_max - s.input_abs_max) / (t.num_rows - 1) AS threshold,
    s.rank
FROM current_steps AS s
CROSS JOIN totals AS t
WHERE
    s.run = :run
    AND t.num_rows >= :rows
    AND s.input_abs_max > :largest
    AND s.input_abs_max > :outlier * (t.sum_max - s.input_abs_max) / (t.num_rows - 1)
ORDER BY s.input_abs_max DESC, s.step ASC, s.rank ASC
