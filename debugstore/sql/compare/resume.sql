-- title: What each segment of a run took over from the one before it
-- param: window_rows = 5  -- logged steps before and after a resume that the losses are means over
-- why: A row is one resume of one rank. `old_` is the segment before, at the step where the new one starts where it got that
--   far, `first_` the first segment. Rows that the new segment superseded are read too: where both logged a step, the two
--   tell whether the run goes on as it would have.
WITH ordered AS (
    SELECT
        id, rank, key, first_step, last_step,
        LAG(id) OVER (PARTITION BY rank ORDER BY started_at, id) AS old_id,
        LAG(key) OVER (PARTITION BY rank ORDER BY started_at, id) AS old_key,
        LAG(last_step) OVER (PARTITION BY rank ORDER BY started_at, id) AS old_last_step,
        FIRST_VALUE(id) OVER (PARTITION BY rank ORDER BY started_at, id) AS first_id,
        ROW_NUMBER() OVER (PARTITION BY rank ORDER BY started_at, id) AS place
    FROM segments
    WHERE run = :run AND num_steps > 0
),
openings AS (
    SELECT segment, MIN(seq) AS seq
    FROM fit_starts
    WHERE run = :run
    GROUP BY segment
),
starts AS (
    SELECT f.segment, f.step, f.optimizer_step_count, f.scheduler_step_count, f.parameter_fingerprint
    FROM openings AS o
    INNER JOIN fit_starts AS f ON f.run = :run AND f.segment = o.segment AND f.seq = o.seq
),
step_rows AS (
    SELECT
        segment, step, loss, learning_rate, batch_fingerprint,
        ROW_NUMBER() OVER (PARTITION BY segment ORDER BY seq) AS place
    FROM steps
    WHERE run = :run
),
resumes AS (
    SELECT
        o.*, n.step AS first_logged_step, n.learning_rate, n.batch_fingerprint,
        s.optimizer_step_count, s.scheduler_step_count, s.parameter_fingerprint,
        p.optimizer_step_count + o.first_step - p.step AS expected_step_count,
        f.parameter_fingerprint AS first_parameter_fingerprint
    FROM ordered AS o
    INNER JOIN step_rows AS n ON o.id = n.segment AND n.place = 1
    LEFT JOIN starts AS s ON o.id = s.segment
    LEFT JOIN starts AS p ON o.old_id = p.segment
    LEFT JOIN starts AS f ON o.first_id = f.segment
    WHERE o.old_id IS NOT NULL
),
logged_twice AS (
    SELECT
        r.id,
        COUNT(*) AS num_overlapping,
        COUNT(n.batch_fingerprint || o.batch_fingerprint) AS num_overlapping_batches,
        COUNT(*) FILTER (WHERE n.batch_fingerprint = o.batch_fingerprint) AS num_same_batches,
        COUNT(*) FILTER (WHERE n.loss = o.loss) AS num_same_losses,
        COUNT(*) FILTER (WHERE n.learning_rate = o.learning_rate) AS num_same_learning_rates,
        COUNT(n.learning_rate + o.learning_rate) AS num_overlapping_learning_rates
    FROM resumes AS r
    INNER JOIN step_rows AS n ON r.id = n.segment
    INNER JOIN step_rows AS o ON r.old_id = o.segment AND n.step = o.step
    GROUP BY r.id
),
repeats AS (
    SELECT r.id, COUNT(*) AS num_batches_of_first_start
    FROM resumes AS r
    INNER JOIN step_rows AS n ON r.id = n.segment AND n.place <= :window_rows
    INNER JOIN step_rows AS f
        ON r.first_id = f.segment AND n.place = f.place AND n.batch_fingerprint = f.batch_fingerprint
    GROUP BY r.id
),
rows_before AS (
    SELECT
        r.id, o.step, o.loss, o.learning_rate,
        LAG(o.step) OVER (PARTITION BY r.id ORDER BY o.step, o.place) AS earlier_step,
        LAG(o.learning_rate) OVER (PARTITION BY r.id ORDER BY o.step, o.place) AS earlier_rate,
        ROW_NUMBER() OVER (PARTITION BY r.id ORDER BY o.step DESC, o.place DESC) AS place
    FROM resumes AS r
    INNER JOIN step_rows AS o ON r.old_id = o.segment AND o.step < r.first_logged_step
),
losses_before AS (
    SELECT
        id, AVG(loss) AS loss_before,
        MAX(step) AS step_before,
        MIN(learning_rate) FILTER (WHERE place = 1) AS learning_rate_before,
        MAX(ABS(learning_rate - earlier_rate) / NULLIF(step - earlier_step, 0)) AS learning_rate_pace
    FROM rows_before
    WHERE place <= :window_rows
    GROUP BY id
),
losses_after AS (
    SELECT r.id, AVG(n.loss) AS loss_after
    FROM resumes AS r
    INNER JOIN step_rows AS n ON r.id = n.segment AND n.place <= :window_rows
    GROUP BY r.id
)
SELECT
    r.rank, r.place - 1 AS resume, r.old_key, r.key, r.old_last_step, r.first_step, r.optimizer_step_count,
    r.expected_step_count, r.scheduler_step_count, r.parameter_fingerprint, r.first_parameter_fingerprint,
    (
        SELECT MAX(u.parameter_fingerprint)
        FROM param_updates AS u
        WHERE u.run = :run AND u.segment = r.old_id AND u.step = r.first_step - 1
    ) AS old_parameter_fingerprint,
    (
        SELECT MAX(l.num_skipped_steps)
        FROM loops AS l
        WHERE l.run = :run AND l.segment = r.old_id
    ) AS num_skipped_steps,
    f.learning_rate AS first_learning_rate, r.learning_rate, b.learning_rate_before, b.learning_rate_pace,
    r.first_logged_step - b.step_before AS steps_between, b.loss_before, a.loss_after,
    COALESCE(o.num_overlapping, 0) AS num_overlapping,
    COALESCE(o.num_overlapping_batches, 0) AS num_overlapping_batches,
    COALESCE(o.num_same_batches, 0) AS num_same_batches,
    COALESCE(o.num_overlapping_learning_rates, 0) AS num_overlapping_learning_rates,
    COALESCE(o.num_same_learning_rates, 0) AS num_same_learning_rates,
    COALESCE(o.num_same_losses, 0) AS num_same_losses,
    COALESCE(p.num_batches_of_first_start, 0) AS num_batches_of_first_start
FROM resumes AS r
LEFT JOIN step_rows AS f ON r.first_id = f.segment AND f.place = 1
LEFT JOIN logged_twice AS o ON r.id = o.id
LEFT JOIN repeats AS p ON r.id = p.id
LEFT JOIN losses_before AS b ON r.id = b.id
LEFT JOIN losses_after AS a ON r.id = a.id
ORDER BY r.rank, r.place
