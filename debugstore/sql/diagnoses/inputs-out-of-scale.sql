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
-- why: The first layer's gradients grow with the inputs and its outputs vanish with them.
-- remedy: Standardise with the training set's statistics: `x = (x - mean) / std`.
-- silent-on: raw inputs that do no harm, token ids
-- evidence: SELECT step, input_mean, input_std, input_abs_max FROM current_steps WHERE run = :run AND step >= :step ORDER BY step LIMIT 20
WITH totals AS (
    SELECT
        rank,
        AVG(input_std) AS mean_std,
        MIN(step) AS first_step,
        MIN(input_std) AS least_std,
        MAX(input_std) AS most_std,
        MAX(input_abs_max) AS most_max
    FROM current_steps
    WHERE run = :run AND input_abs_max IS NOT NULL AND input_std IS NOT NULL
    GROUP BY rank
)
SELECT t.first_step AS step, 'standard deviation' AS subject, t.mean_std AS observed, :largest AS threshold, t.rank
FROM totals AS t
WHERE t.least_std > :largest
UNION ALL
SELECT t.first_step AS step, 'standard deviation' AS subject, t.mean_std AS observed, :smallest AS threshold, t.rank
FROM totals AS t
WHERE t.most_std < :smallest AND t.most_max < 10 * :smallest
ORDER BY step, rank
