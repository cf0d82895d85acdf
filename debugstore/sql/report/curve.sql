-- title: The loss in a few points, for drawing
-- param: since_step = 0  -- first step that counts
-- param: points = 60     -- characters of the curve in a terminal
WITH
logged AS (
    SELECT
        step,
        loss,
        CASE WHEN nonfinite LIKE '%"loss":%' THEN 1 END AS marked,
        NTILE(:points) OVER (ORDER BY step, segment, seq) AS bucket
    FROM current_steps
    WHERE run = :run AND step >= :since_step AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
)
SELECT
    MIN(step) AS first_step,
    MAX(step) AS last_step,
    AVG(loss) AS loss_mean,
    MIN(loss) AS loss_min,
    MAX(loss) AS loss_max,
    COUNT(marked) AS num_nonfinite
FROM logged
GROUP BY bucket
ORDER BY bucket
