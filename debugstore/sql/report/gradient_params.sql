-- title: Gradient norms by parameter, over the last logged steps
-- param: since_step = 0  -- first step that counts
-- param: recent = 50     -- logged gradients in the mean: what the run is like now
WITH
latest AS (
    SELECT run, segment, seq FROM current_grads
    WHERE run = :run AND step >= :since_step
    ORDER BY step DESC, segment DESC, seq DESC
    LIMIT :recent
)
SELECT
    p.name,
    AVG(n.norm) AS norm_mean,
    MAX(n.norm) AS norm_max,
    COUNT(*) AS times_listed,
    MAX(CASE WHEN n.nonfinite IS NOT NULL THEN 1 ELSE 0 END) AS nonfinite_seen
FROM latest AS l
CROSS JOIN grad_norms AS n -- in this order: not all norms of the run
INNER JOIN params AS p ON n.param = p.id
WHERE l.run = n.run AND l.segment = n.segment AND l.seq = n.seq
GROUP BY p.name
ORDER BY norm_mean DESC NULLS FIRST, p.name ASC
