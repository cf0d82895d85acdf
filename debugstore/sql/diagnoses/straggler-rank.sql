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
-- why: Every rank waits in backward for the slowest: its lost time is lost on all of them.
-- remedy: Look at that machine's loader and device; balance the shards: `DataLoader(..., num_workers=8)`.
-- silent-on: the ranks that wait, whose time goes into backward; a machine whose processors are shared at times
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
quickest AS (
    SELECT measure, MIN(own_seconds) AS own_seconds, MIN(good_seconds) AS good_seconds FROM medians GROUP BY measure
)
SELECT
    slow.step,
    CASE WHEN slow.measure = 'data' THEN 'data' ELSE 'own time' END AS subject,
    slow.own_seconds AS observed,
    quick.own_seconds AS threshold,
    slow.rank
FROM medians AS slow
INNER JOIN quickest AS quick ON slow.measure = quick.measure
WHERE
    slow.own_seconds > :ratio * quick.own_seconds
    AND slow.good_seconds > :ratio * quick.good_seconds
    AND slow.own_seconds - quick.own_seconds > :part * slow.step_seconds
ORDER BY slow.own_seconds DESC
