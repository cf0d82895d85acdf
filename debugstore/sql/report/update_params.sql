-- title: Changes by parameter, over the last measured steps
-- param: since_step = 0  -- first step that counts
-- param: recent = 20     -- measured optimizer steps in the mean: what the run is like now
WITH
latest AS (
    SELECT run, segment, seq FROM current_param_updates
    WHERE run = :run AND step >= :since_step
    ORDER BY step DESC, segment DESC, seq DESC
    LIMIT :recent
)
SELECT p.name, AVG(c.change) AS change_mean, AVG(c.ratio) AS ratio_mean, COUNT(*) AS times_listed
FROM latest AS l
CROSS JOIN param_changes AS c -- in this order: not all changes of the run
INNER JOIN params AS p ON c.param = p.id
WHERE l.run = c.run AND l.segment = c.segment AND l.seq = c.seq
GROUP BY p.name
ORDER BY change_mean DESC NULLS LAST, p.name ASC
