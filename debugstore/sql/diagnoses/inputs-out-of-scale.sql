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
-- param: outlier = 30.0    -- largest input of a batch / mean over the batches before
-- param: recent_rows = 20  -- logged batches in that mean
-- why: The first layer's gradients grow with the inputs and its outputs vanish with them.
-- remedy: Standardise with the training set's statistics: `x = (x - mean) / std`; look at a single outlier's batch.
-- silent-on: raw inputs that do no harm, token ids
-- evidence: SELECT step, input_mean, input_std, input_abs_max FROM current_steps WHERE run = :run AND step >= :step ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        step,
        input_std,
        input_abs_max,
        AVG(input_std) OVER () AS mean_std,
        AVG(input_abs_max) OVER recent AS recent_max,
        COUNT(input_abs_max) OVER recent AS num_recent,
        ROW_NUMBER() OVER (ORDER BY step, segment, seq) AS place
    FROM current_steps
    WHERE run = :run AND input_abs_max IS NOT NULL
    WINDOW recent AS (PARTITION BY rank ORDER BY step, segment, seq ROWS BETWEEN :recent_rows PRECEDING AND 1 PRECEDING)
)
SELECT step, 'largest value, far beyond that of other batches,' AS subject, input_abs_max AS observed, :outlier * recent_max AS threshold
FROM logged
WHERE num_recent >= 5 AND input_abs_max > :outlier * recent_max AND input_abs_max > 10 AND recent_max > 0
UNION ALL
SELECT step, 'standard deviation' AS subject, input_std AS observed, :largest AS threshold
FROM logged
WHERE place = 1 AND input_std > :largest AND mean_std > :largest
UNION ALL
SELECT step, 'standard deviation' AS subject, input_std AS observed, :smallest AS threshold
FROM logged
WHERE place = 1 AND input_std < :smallest AND mean_std < :smallest AND input_abs_max < 10 * :smallest
ORDER BY 1
