-- title: The autograd graph grows from step to step
-- severity: warning
-- stage: system
-- confidence: certain
-- needs: steps.graph_nodes
-- explains: memory-growth, data-loading-bound
-- message: the graph of the loss has {observed} nodes at the end, it had {threshold}
-- param: ratio = 2.0   -- nodes at the end / at the beginning
-- param: rows = 5      -- logged steps
-- param: rising = 0.9  -- share of the logged steps at which it grew
-- why: Something carried from step to step keeps its history: time and memory per step grow without end.
-- remedy: Cut what is carried over: `hidden = hidden.detach()`, `running = running + loss.item()`; no `retain_graph=True`.
-- silent-on: graphs that vary with the length of the inputs
-- evidence: SELECT step, graph_nodes, allocated_bytes FROM current_steps WHERE run = :run AND graph_nodes IS NOT NULL ORDER BY step LIMIT 20
WITH spread AS (
    SELECT MIN(graph_nodes) AS fewest, MAX(graph_nodes) AS largest FROM current_steps WHERE run = :run
),
logged AS (
    SELECT
        s.step,
        s.graph_nodes,
        CASE WHEN s.graph_nodes > LAG(s.graph_nodes) OVER in_order THEN 1 ELSE 0 END AS grew,
        FIRST_VALUE(s.graph_nodes) OVER in_order AS first_nodes,
        LEAD(s.step) OVER in_order AS next_step
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    WHERE
        s.run = :run
        AND s.graph_nodes IS NOT NULL
        AND (SELECT e.largest > :ratio * e.fewest FROM spread AS e)
    WINDOW in_order AS (ORDER BY s.step, s.segment, s.seq)
)
SELECT
    MIN(step) AS step,
    'graph' AS subject,
    MAX(CASE WHEN next_step IS NULL THEN graph_nodes END) AS observed,
    MAX(first_nodes) AS threshold
FROM logged
HAVING
    COUNT(*) >= :rows
    AND SUM(grew) >= :rising * (COUNT(*) - 1)
    AND MAX(CASE WHEN next_step IS NULL THEN graph_nodes END) > :ratio * MAX(first_nodes)
