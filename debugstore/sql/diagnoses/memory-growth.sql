-- title: Memory grows from step to step
-- severity: warning
-- stage: system
-- confidence: likely
-- needs: steps.allocated_bytes
-- message: memory grew from {threshold} to {observed} bytes and never went back
-- param: growth = 0.1     -- share of the memory held after the first fifth of the run
-- param: first_steps = 50  -- steps left out, in which allocators fill their pools
-- param: rows = 7         -- logged steps after them
-- why: A run that grows like this ends when memory does.
-- remedy: Keep numbers, not tensors: `history.append(loss.item())`; look for lists that hold outputs or losses.
-- silent-on: the first steps, memory that goes up and down
-- evidence: SELECT step, allocated_bytes FROM current_steps WHERE run = :run ORDER BY step DESC LIMIT 20
WITH logged AS (
    SELECT step, allocated_bytes
    FROM current_steps
    WHERE
        run = :run
        AND allocated_bytes IS NOT NULL
        AND step >= :first_steps
        AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
),
bounds AS (
    SELECT MIN(step) AS first_step, MAX(step) AS last_step, COUNT(*) AS num_rows FROM logged
),
parts AS (
    SELECT
        CASE
            WHEN l.step = b.last_step THEN 5
            ELSE 1 + 5 * (l.step - b.first_step) / (b.last_step - b.first_step)
        END AS part,
        MIN(l.step) AS step,
        MIN(l.allocated_bytes) AS held
    FROM logged AS l
    CROSS JOIN bounds AS b
    WHERE b.num_rows >= :rows AND b.last_step > b.first_step
    GROUP BY 1
),
grown AS (
    SELECT step, held, held - LAG(held) OVER (ORDER BY part) AS more FROM parts
)
SELECT MIN(step) AS step, 'memory' AS subject, MAX(held) AS observed, MIN(held) AS threshold
FROM grown
HAVING
    COUNT(*) = 5
    AND COUNT(CASE WHEN more > 0 THEN 1 END) = 4
    AND MAX(held) - MIN(held) > :growth * MIN(held)
