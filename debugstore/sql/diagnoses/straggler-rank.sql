-- title: One rank holds up the others
-- severity: warning
-- stage: ranks
-- confidence: likely
-- needs: loops.step_seconds, loops.data_seconds
-- explains: data-loading-bound
-- message: it needs {observed} s of its own a step, the quickest rank {threshold} s
-- param: ratio = 1.5      -- own time of the slowest / of the quickest rank, in the median and in the best quarter of its steps
-- param: first_steps = 10  -- steps left out: compilation and warm-up
-- param: part = 0.1       -- of the step that the difference has to be
-- param: rows = 5         -- logged steps of a rank, whose median counts
-- param: share = 0.75     -- of the steps that both logged: in so many slower than the quickest by that ratio; held up by turns, it is in 0.4
-- why: Every rank waits in backward for the slowest: its lost time is lost on all of them.
-- remedy: Look at that machine's loader and device; balance the shards: `DataLoader(..., num_workers=8)`.
-- silent-on: the ranks that wait, whose time goes into backward; a machine whose processors are shared, which holds up
--   one rank now and another then
-- evidence: SELECT rank, step, step_seconds, backward_seconds, data_seconds FROM current_loops WHERE run = :run ORDER BY step, rank LIMIT 20
WITH measures AS (
    SELECT 'all' AS measure
    UNION ALL
    SELECT 'data' AS measure
),
own AS (
    -- data alone too: where buffers are broadcast, as those of batch norm, the others wait in their forward pass
    SELECT
        m.measure,
        l.rank,
        l.step,
        l.step_seconds,
        l.data_seconds
        + CASE
            WHEN m.measure = 'all' THEN COALESCE(l.forward_seconds, 0) + COALESCE(l.optimizer_seconds, 0)
            ELSE 0
        END AS own_seconds
    FROM current_loops AS l
    CROSS JOIN measures AS m
    WHERE
        l.run = :run
        AND l.step_seconds IS NOT NULL
        AND l.data_seconds IS NOT NULL
        AND l.step >= :first_steps
        AND (SELECT COUNT(DISTINCT g.rank) FROM segments AS g WHERE g.run = :run) > 1
),
ranked AS (
    SELECT
        own.*,
        ROW_NUMBER() OVER (PARTITION BY measure, rank ORDER BY own_seconds) AS by_own,
        COUNT(*) OVER (PARTITION BY measure, rank) AS num_rows
    FROM own
),
medians AS (
    SELECT
        measure,
        rank,
        MIN(step) AS step,
        AVG(step_seconds) FILTER (WHERE by_own IN ((num_rows + 1) / 2, (num_rows + 2) / 2)) AS step_seconds,
        MAX(own_seconds) FILTER (WHERE by_own IN ((num_rows + 1) / 2, (num_rows + 2) / 2)) AS own_seconds,
        MAX(own_seconds) FILTER (WHERE by_own = (num_rows + 3) / 4) AS good_seconds
    FROM ranked
    WHERE num_rows >= :rows
    GROUP BY measure, rank
),
placed AS (
    SELECT
        medians.*,
        ROW_NUMBER() OVER (PARTITION BY measure ORDER BY own_seconds, rank) AS place,
        MIN(good_seconds) OVER (PARTITION BY measure) AS best_seconds
    FROM medians
),
quickest AS (
    SELECT measure, rank, own_seconds, best_seconds FROM placed WHERE place = 1
),
side_by_side AS (
    SELECT o.measure, o.rank, AVG(CASE WHEN o.own_seconds > :ratio * b.own_seconds THEN 1.0 ELSE 0.0 END) AS slower
    FROM own AS o
    INNER JOIN quickest AS q ON o.measure = q.measure
    INNER JOIN own AS b ON q.measure = b.measure AND q.rank = b.rank AND o.step = b.step
    GROUP BY o.measure, o.rank
)
SELECT
    slow.step,
    CASE WHEN slow.measure = 'data' THEN 'data' ELSE 'own time' END AS subject,
    slow.own_seconds AS observed,
    quick.own_seconds AS threshold,
    slow.rank
FROM medians AS slow
INNER JOIN quickest AS quick ON slow.measure = quick.measure
INNER JOIN side_by_side AS paired ON slow.measure = paired.measure AND slow.rank = paired.rank
WHERE
    slow.own_seconds > :ratio * quick.own_seconds
    AND slow.good_seconds > :ratio * quick.best_seconds
    AND paired.slower >= :share
    AND slow.own_seconds - quick.own_seconds > :part * slow.step_seconds
ORDER BY slow.own_seconds DESC
