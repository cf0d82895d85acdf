-- title: The loss, gradient norm and update ratio of two runs at steps that both logged
-- param: rows = 8  -- steps told, spread evenly over the common ones
-- why: Of each run's lowest rank; micro-steps of one step are averaged. Of the steps near each other one with an update
--   in both is preferred, so that no column is empty for want of luck.
WITH main_ranks AS (
    SELECT run, MIN(rank) AS rank
    FROM segments
    WHERE run IN (:run, :other)
    GROUP BY run
),
step_rows AS (
    SELECT m.run, t.step, AVG(t.loss) AS loss, MIN(t.nonfinite) AS marks
    FROM main_ranks AS m
    INNER JOIN current_steps AS t ON m.run = t.run AND m.rank = t.rank
    GROUP BY m.run, t.step
),
grad_rows AS (
    SELECT m.run, t.step, AVG(t.total_norm) AS total_norm
    FROM main_ranks AS m
    INNER JOIN current_grads AS t ON m.run = t.run AND m.rank = t.rank
    GROUP BY m.run, t.step
),
update_rows AS (
    SELECT m.run, t.step, AVG(t.update_ratio) AS update_ratio
    FROM main_ranks AS m
    INNER JOIN current_param_updates AS t ON m.run = t.run AND m.rank = t.rank
    GROUP BY m.run, t.step
),
common AS (
    SELECT
        a.step, a.loss AS a_loss, b.loss AS b_loss, a.marks AS a_marks, b.marks AS b_marks,
        ag.total_norm AS a_total_norm, bg.total_norm AS b_total_norm,
        au.update_ratio AS a_update_ratio, bu.update_ratio AS b_update_ratio,
        MIN(a.step) OVER () AS first_step, MAX(a.step) OVER () AS last_step, COUNT(*) OVER () AS num_common
    FROM step_rows AS a
    INNER JOIN step_rows AS b ON a.step = b.step
    LEFT JOIN grad_rows AS ag ON a.run = ag.run AND a.step = ag.step
    LEFT JOIN grad_rows AS bg ON b.run = bg.run AND b.step = bg.step
    LEFT JOIN update_rows AS au ON a.run = au.run AND a.step = au.step
    LEFT JOIN update_rows AS bu ON b.run = bu.run AND b.step = bu.step
    WHERE a.run = :run AND b.run = :other
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
