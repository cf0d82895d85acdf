-- title: Validation inputs have another scale than training inputs
-- severity: warning
-- stage: data
-- confidence: likely
-- needs: validations.input_std, steps.input_std
-- explains: overfitting
-- message: the validation inputs' {subject} is {observed}, in training it is {threshold}
-- param: ratio = 2.0  -- larger / smaller standard deviation; augmentation rarely changes it by half
-- param: shift = 1.0  -- difference of the means in standard deviations of the training inputs
-- why: The model is measured on inputs it has not seen the like of: the validation says nothing about it.
-- remedy: Use one transform for both: normalise validation inputs with the training set's mean and deviation.
-- evidence: SELECT step, input_mean, input_std FROM current_validations WHERE run = :run ORDER BY step LIMIT 20
WITH ranked AS (
    SELECT
        input_mean,
        input_std,
        ROW_NUMBER() OVER (ORDER BY input_mean) AS by_mean,
        ROW_NUMBER() OVER (ORDER BY input_std) AS by_std,
        COUNT(*) OVER () AS num_rows
    FROM current_steps
    WHERE run = :run AND input_std IS NOT NULL
),
-- medians: one training batch out of scale is another fault
trained AS (
    SELECT
        AVG(input_mean) FILTER (WHERE by_mean IN ((num_rows + 1) / 2, (num_rows + 2) / 2)) AS mean,
        AVG(input_std) FILTER (WHERE by_std IN ((num_rows + 1) / 2, (num_rows + 2) / 2)) AS std
    FROM ranked
),
validated AS (
    SELECT MIN(step) AS step, AVG(input_mean) AS mean, AVG(input_std) AS std
    FROM current_validations
    WHERE run = :run AND input_std IS NOT NULL
)
SELECT v.step, 'standard deviation' AS subject, v.std AS observed, t.std AS threshold
FROM validated AS v
CROSS JOIN trained AS t
WHERE v.std > :ratio * t.std OR t.std > :ratio * v.std
UNION ALL
SELECT v.step, 'mean' AS subject, v.mean AS observed, t.mean AS threshold
FROM validated AS v
CROSS JOIN trained AS t
WHERE ABS(v.mean - t.mean) > :shift * t.std
