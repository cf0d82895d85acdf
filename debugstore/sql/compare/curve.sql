-- title: The loss of a run in equal slices of a range of steps
-- why: Of the lowest rank. What a sparkline draws; a slice with a loss that is not finite says so.
SELECT
    slice,
    AVG(loss) AS loss,
    COUNT(*) FILTER (WHERE loss IS NULL AND nonfinite LIKE '%"loss":%') AS num_nonfinite
FROM (
    SELECT (step - :first_step) * :slices / (:last_step - :first_step + 1) AS slice, loss, nonfinite
    FROM current_steps
    WHERE
        run = :run AND rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
        AND step BETWEEN :first_step AND :last_step
) AS sliced
GROUP BY slice
ORDER BY slice
