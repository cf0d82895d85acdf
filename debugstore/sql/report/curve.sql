-- title: The loss in a few points, for drawing
-- param: since_step = 0  -- first step that counts
-- param: points = 60     -- characters of the curve in a terminal
WITH
logged AS (
    SELECT
        s.step,
        s.loss,
        CASE WHEN s.nonfinite LIKE '%"loss":%' THEN 1 END AS marked,
        NTILE(:points) OVER (ORDER BY s.step, s.segment, s.seq) AS bucket
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    WHERE s.run = :run AND s.step >= :since_step
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
