-- title: What a run took and what it cost on the way: tokens, seconds, and the area under its loss
-- why: Of the lowest rank. Tokens of a logged step stand for the steps since the one logged before. Seconds leave out the
--   pauses between segments. The area is by trapezoids over steps, divided by the steps: the mean loss on the way.
WITH logged AS (
    SELECT
        step, loss, num_valid_tokens,
        step - LAG(step) OVER (ORDER BY step, segment, seq) AS steps_since,
        timestamp - LAG(timestamp) OVER (PARTITION BY segment ORDER BY seq) AS seconds_since,
        (loss + LAG(loss) OVER (ORDER BY step, segment, seq)) / 2 AS loss_between
    FROM current_steps
    WHERE run = :run AND rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
)
SELECT
    SUM(num_valid_tokens * COALESCE(steps_since, 1)) AS tokens,
    SUM(seconds_since) AS seconds,
    SUM(loss_between * steps_since) / NULLIF(SUM(steps_since) FILTER (WHERE loss_between IS NOT NULL), 0) AS loss_area
FROM logged
