-- title: The loss, gradient norm and update ratio of two runs at steps that both logged
-- param: rows = 8  -- steps told, spread evenly over the common ones
-- why: Of each run's lowest rank; micro-steps of one step are averaged. Of the steps near each other one with an update
--   in both is preferred, so that no column is empty for want of luck.
WITH a_steps AS (
    SELECT step, AVG(loss) AS loss, MIN(nonfinite) AS marks
    FROM current_steps
    WHERE run = :run AND rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
    GROUP BY step
),
b_steps AS (
    SELECT step, AVG(loss) AS loss, MIN(nonfinite) AS marks
    FROM current_steps
    WHERE run = :other AND rank = (SELECT MIN(rank) FROM segments WHERE run = :other)
    GROUP BY step
),
a_grads AS (
    SELECT step, AVG(total_norm) AS total_norm
    FROM current_grads
    WHERE run = :run AND rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
    GROUP BY step
),
b_grads AS (
    SELECT step, AVG(total_norm) AS total_norm
    FROM current_grads
    WHERE run = :other AND rank = (SELECT MIN(rank) FROM segments WHERE run = :other)
    GROUP BY step
),
a_updates AS (
    SELECT step, AVG(update_ratio) AS update_ratio
    FROM current_param_updates
    WHERE run = :run AND rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
    GROUP BY step
),
b_updates AS (
    SELECT step, AVG(update_ratio) AS update_ratio
    FROM current_param_updates
    WHERE run = :other AND rank = (SELECT MIN(rank) FROM segments WHERE run = :other)
    GROUP BY step
),
common AS (
    SELECT
        a.step, a.loss AS a_loss, b.loss AS b_loss, a.marks AS a_marks, b.marks AS b_marks,
        ag.total_norm AS a_total_norm, bg.total_norm AS b_total_norm,
        au.update_ratio AS a_update_ratio, bu.update_ratio AS b_update_ratio,
        MIN(a.step) OVER () AS first_step, MAX(a.step) OVER () AS last_step, COUNT(*) OVER () AS num_common
    FROM a_steps AS a
    INNER JOIN b_steps AS b ON a.step = b.step
    LEFT JOIN a_grads AS ag ON a.step = ag.step
    LEFT JOIN b_grads AS bg ON a.step = bg.step
    LEFT JOIN a_updates AS au ON a.step = au.step
    LEFT JOIN b_updates AS bu ON a.step = bu.step
),
spread AS (
    SELECT
        *,
        (step - first_step) * (:rows - 1)
        / CASE WHEN last_step > first_step THEN last_step - first_step ELSE 1 END AS slice,
        CASE
            WHEN step = first_step THEN 0
            WHEN a_update_ratio + b_update_ratio IS NOT NULL THEN 1
            ELSE 2
        END AS preference
    FROM common
),
placed AS (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY slice ORDER BY preference, step) AS place
    FROM spread
)
SELECT
    step, num_common, a_loss, b_loss, a_marks, b_marks, a_total_norm, b_total_norm, a_update_ratio, b_update_ratio
FROM placed
WHERE place = 1
ORDER BY step
