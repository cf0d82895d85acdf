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
WITH parts AS (
    SELECT
        CASE
            WHEN s.step >= b.last_step THEN 5
            ELSE 1 + 5 * (s.step - b.first_step - :first_steps) / (b.last_step - b.first_step - :first_steps)
        END AS part,
        MIN(s.step) AS step,
        MIN(s.allocated_bytes) AS held,
        COUNT(*) AS num_rows
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    WHERE
        s.run = :run
        AND s.allocated_bytes IS NOT NULL
        AND s.step >= b.first_step + :first_steps
        AND b.last_step > b.first_step + :first_steps
    GROUP BY 1
),
grown AS (
    SELECT step, held, num_rows, held - LAG(held) OVER (ORDER BY part) AS more FROM parts
)
SELECT MIN(step) AS step, 'memory' AS subject, MAX(held) AS observed, MIN(held) AS threshold
FROM grown
HAVING
    COUNT(*) = 5
    AND SUM(num_rows) >= :rows
    AND COUNT(CASE WHEN more > 0 THEN 1 END) = 4
    AND MAX(held) - MIN(held) > :growth * MIN(held)
