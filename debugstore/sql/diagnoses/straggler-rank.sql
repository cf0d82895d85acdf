-- title: One rank holds up the others
-- severity: warning
-- stage: ranks
-- confidence: likely
-- needs: loops.step_seconds, loops.data_seconds
-- explains: data-loading-bound
-- message: {subject} needs {observed} s of its own a step, the quickest {threshold} s
-- param: ratio = 1.5      -- own time of the slowest / of the quickest rank
-- param: first_steps = 10  -- steps left out: compilation and warm-up
-- param: part = 0.1       -- of the step that the difference has to be
-- param: rows = 5         -- logged steps of a rank, whose median counts
-- why: Every rank waits in backward for the slowest: its lost time is lost on all of them.
-- remedy: Look at that machine's loader and device; balance the shards: `DataLoader(..., num_workers=8)`.
-- silent-on: the ranks that wait, whose time goes into backward
-- evidence: SELECT rank, step, step_seconds, backward_seconds, data_seconds FROM current_loops WHERE run = :run ORDER BY step, rank LIMIT 20
WITH own AS (
    SELECT
        rank,
        step,
        step_seconds,
        data_seconds + COALESCE(forward_seconds, 0) + COALESCE(optimizer_seconds, 0) AS own_seconds,
        ROW_NUMBER() OVER (
            PARTITION BY rank ORDER BY data_seconds + COALESCE(forward_seconds, 0) + COALESCE(optimizer_seconds, 0)
        ) AS by_own,
        COUNT(*) OVER (PARTITION BY rank) AS num_rows
    FROM current_loops
    WHERE
        run = :run
        AND step_seconds IS NOT NULL
        AND data_seconds IS NOT NULL
        AND step >= :first_steps
        AND (SELECT COUNT(DISTINCT g.rank) FROM segments AS g WHERE g.run = :run) > 1
),
medians AS (
    SELECT rank, MIN(step) AS step, AVG(step_seconds) AS step_seconds, MAX(own_seconds) AS own_seconds
    FROM own
    WHERE by_own IN ((num_rows + 1) / 2, (num_rows + 2) / 2) AND num_rows >= :rows
    GROUP BY rank
),
quickest AS (
    SELECT MIN(own_seconds) AS own_seconds FROM medians
)
SELECT
    slow.step,
    'rank ' || CAST(slow.rank AS TEXT) AS subject,
    slow.own_seconds AS observed,
    quick.own_seconds AS threshold
FROM medians AS slow
CROSS JOIN quickest AS quick
WHERE
    slow.own_seconds > :ratio * quick.own_seconds
    AND slow.own_seconds - quick.own_seconds > :part * slow.step_seconds
ORDER BY slow.own_seconds DESC
