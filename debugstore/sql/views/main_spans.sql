-- One row per run: its lowest rank, and the first and last step of it that count. From the segments alone, so at once.
CREATE VIEW main_spans AS
SELECT
    g.run,
    g.rank,
    MIN(g.first_step) AS first_step,
    MAX(CASE WHEN g.superseded_from <= g.last_step THEN g.superseded_from - 1 ELSE g.last_step END) AS last_step,
    SUM(g.num_steps) AS num_steps
FROM segments AS g
WHERE
    g.num_steps > 0
    AND g.rank = (SELECT MIN(o.rank) FROM segments AS o WHERE o.run = g.run AND o.num_steps > 0)
GROUP BY g.run, g.rank
