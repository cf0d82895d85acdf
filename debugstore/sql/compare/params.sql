-- title: The parameters whose gradient norms or changes differ most between two runs
-- param: rows = 10  -- parameters told
-- why: Of what both runs listed at the same rank and step; a list has the ten largest and ten smallest of a step alone, so
--   `num_common` says how often a parameter stood in both. Sorted by the largest relative difference.
WITH recorded AS (
    SELECT run, rank, step, name, 'gradient norm' AS quantity, norm AS number
    FROM current_grad_norms
    WHERE run IN (:run, :other)
    UNION ALL
    SELECT run, rank, step, name, 'update ratio', ratio
    FROM current_param_changes
    WHERE run IN (:run, :other)
),
sides AS (
    SELECT
        quantity, name, rank, step,
        AVG(number) FILTER (WHERE run = :run) AS a_number,
        AVG(number) FILTER (WHERE run = :other) AS b_number
    FROM recorded
    WHERE number IS NOT NULL
    GROUP BY quantity, name, rank, step
),
paired AS (
    SELECT
        quantity, name, step, a_number, b_number, ABS(a_number - b_number) AS abs_diff,
        ABS(a_number - b_number)
        / NULLIF(CASE WHEN ABS(a_number) > ABS(b_number) THEN ABS(a_number) ELSE ABS(b_number) END, 0) AS rel_diff
    FROM sides
    WHERE a_number IS NOT NULL AND b_number IS NOT NULL
)
SELECT
    quantity, name, COUNT(*) AS num_common, MIN(step) FILTER (WHERE abs_diff > 0) AS first_step,
    AVG(a_number) AS a_mean, AVG(b_number) AS b_mean, MAX(abs_diff) AS max_abs_diff, MAX(rel_diff) AS max_rel_diff
FROM paired
GROUP BY quantity, name
HAVING MAX(abs_diff) > 0
ORDER BY MAX(rel_diff) DESC, quantity ASC, name ASC
LIMIT :rows
