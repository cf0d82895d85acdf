-- title: Inputs are far from unit scale
-- severity: error
-- without-effect: clear
-- stage: data
-- needs: steps.input_std, steps.input_abs_max
-- explains: not-learning, not-finite, unstable, initial-loss-too-high, learning-rate-too-high, learning-rate-too-low,
--   dead-units, saturated-units, zero-gradients, vanishing-gradients, clip-too-tight
-- message: the inputs' {subject} is {observed}, {threshold} is the limit
-- param: largest = 30.0    -- standard deviation; raw pixels have 70, standardised inputs 1
-- param: smallest = 0.01   -- standard deviation; below it a layer's output is its bias
-- param: outlier = 30.0    -- largest input of a batch / mean over the other batches
-- why: The first layer's gradients grow with the inputs and its outputs vanish with them.
-- remedy: Standardise with the training set's statistics: `x = (x - mean) / std`; look at a single outlier's batch.
-- silent-on: raw inputs that do no harm, token ids
-- evidence: SELECT step, input_mean, input_std, input_abs_max FROM current_steps WHERE run = :run AND step >= :step ORDER BY step LIMIT 20
WITH totals AS (
    SELECT
        COUNT(*) AS num_rows,
        AVG(input_std) AS mean_std,
        SUM(input_abs_max) AS sum_max,
        MIN(step) AS first_step,
        MIN(input_std) AS least_std,
        MAX(input_std) AS most_std,
        MAX(input_abs_max) AS most_max
    FROM current_steps
    WHERE run = :run AND input_abs_max IS NOT NULL AND input_std IS NOT NULL
)
SELECT
    s.step,
    'largest value, far beyond that of the other batches,' AS subject,
    s.input_abs_max AS observed,
    :outlier * (t.sum_max - s.input_abs_max) / (t.num_rows - 1) AS threshold
FROM current_steps AS s
CROSS JOIN totals AS t
WHERE
    s.run = :run
    AND t.num_rows > 5
    AND s.input_abs_max > 10
    AND s.input_abs_max > :outlier * (t.sum_max - s.input_abs_max) / (t.num_rows - 1)
UNION ALL
SELECT t.first_step AS step, 'standard deviation' AS subject, t.mean_std AS observed, :largest AS threshold
FROM totals AS t
WHERE t.least_std > :largest
UNION ALL
SELECT t.first_step AS step, 'standard deviation' AS subject, t.mean_std AS observed, :smallest AS threshold
FROM totals AS t
WHERE t.most_std < :smallest AND t.most_max < 10 * :smallest
ORDER BY step
