-- title: How far a run came: its loss and accuracy at the start, at the end and at best
-- param: tail_share = 0.1  -- share of the steps, at the end, that "last tenth" numbers are means over: one step is noise
-- why: Numbers are of the lowest rank, since every rank logs a loss of its own.
WITH extent AS (
    SELECT
        MIN(step) AS first_step,
        MAX(step) AS last_step,
        COUNT(*) AS num_logged,
        MIN(loss) AS loss_best,
        MAX(accuracy) AS accuracy_best,
        COUNT(*) FILTER (WHERE loss IS NULL AND nonfinite LIKE '%"loss":%') AS num_nonfinite_loss
    FROM current_steps
    WHERE run = :run AND rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
),
told AS (
    SELECT
        e.*, s.step, s.loss, s.accuracy, s.nonfinite,
        s.step >= e.last_step - :tail_share * (e.last_step - e.first_step) AS in_tail
    FROM extent AS e
    INNER JOIN current_steps AS s
        ON s.step >= e.last_step - :tail_share * (e.last_step - e.first_step)
        OR s.step = e.first_step OR s.loss = e.loss_best OR s.accuracy = e.accuracy_best
    WHERE s.run = :run AND s.rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
)
SELECT
    MIN(first_step) AS first_step,
    MIN(last_step) AS last_step,
    COALESCE(MIN(num_logged), 0) AS num_logged,
    COALESCE(MIN(num_nonfinite_loss), 0) AS num_nonfinite_loss,
    AVG(loss) FILTER (WHERE step = first_step) AS loss_first,
    AVG(loss) FILTER (WHERE step = last_step) AS loss_final,
    AVG(loss) FILTER (WHERE in_tail) AS loss_last_tenth,
    COUNT(*) FILTER (WHERE in_tail AND loss IS NULL AND nonfinite LIKE '%"loss":%') AS num_nonfinite_last_tenth,
    MIN(loss_best) AS loss_best,
    MIN(step) FILTER (WHERE loss = loss_best) AS loss_best_step,
    AVG(accuracy) FILTER (WHERE step = last_step) AS accuracy_final,
    AVG(accuracy) FILTER (WHERE in_tail) AS accuracy_last_tenth,
    MIN(accuracy_best) AS accuracy_best,
    MIN(step) FILTER (WHERE accuracy = accuracy_best) AS accuracy_best_step,
    MIN(nonfinite) FILTER (WHERE step = first_step) AS first_marks,
    MIN(nonfinite) FILTER (WHERE step = last_step) AS final_marks
FROM told
