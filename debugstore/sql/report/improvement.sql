-- title: The first logged steps against the last
-- param: since_step = 0  -- first step that counts
-- param: rows = 10       -- logged steps on each side
WITH
logged AS (
    SELECT s.step, s.segment, s.seq, s.loss, s.accuracy
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    WHERE s.run = :run AND s.step >= :since_step
),
totals AS (
    SELECT COUNT(*) AS num_rows, COUNT(loss) AS num_losses, MIN(loss) AS loss_best, MAX(accuracy) AS accuracy_best
    FROM logged
),
sides AS (
    SELECT
        l.loss,
        l.accuracy,
        'first' AS side,
        ROW_NUMBER() OVER (ORDER BY l.step, l.segment, l.seq) AS place
    FROM (SELECT f.* FROM logged AS f ORDER BY f.step, f.segment, f.seq LIMIT :rows) AS l
    UNION ALL
    SELECT
        l.loss,
        l.accuracy,
        'last' AS side,
        ROW_NUMBER() OVER (ORDER BY l.step DESC, l.segment DESC, l.seq DESC) AS place
    FROM (SELECT f.* FROM logged AS f ORDER BY f.step DESC, f.segment DESC, f.seq DESC LIMIT :rows) AS l
),
means AS (
    -- of fewer rows than two sides hold each side takes its half
    SELECT
        COUNT(*) FILTER (WHERE s.side = 'first') AS num_first,
        COUNT(*) FILTER (WHERE s.side = 'last') AS num_last,
        AVG(s.loss) FILTER (WHERE s.side = 'first') AS loss_first,
        AVG(s.loss) FILTER (WHERE s.side = 'last') AS loss_last,
        COUNT(*) FILTER (WHERE s.side = 'last' AND s.loss IS NULL) AS num_last_without_loss,
        AVG(s.accuracy) FILTER (WHERE s.side = 'first') AS accuracy_first,
        AVG(s.accuracy) FILTER (WHERE s.side = 'last') AS accuracy_last
    FROM sides AS s
    CROSS JOIN totals AS t
    WHERE 2 * s.place <= t.num_rows OR t.num_rows = 1
)
SELECT
    m.num_first,
    m.num_last,
    t.num_losses,
    m.loss_first,
    m.loss_last,
    m.num_last_without_loss,
    t.loss_best,
    (SELECT MIN(l.step) FROM logged AS l WHERE l.loss = t.loss_best) AS loss_best_step,
    m.accuracy_first,
    m.accuracy_last,
    t.accuracy_best
FROM means AS m
CROSS JOIN totals AS t
