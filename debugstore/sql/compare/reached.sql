-- title: The first step at which the smoothed loss of a run is down to a value
-- param: rows_before = 9  -- logged steps before this one in the trailing mean: a single low batch is no arrival
-- why: Of the lowest rank. Seconds leave out the pauses between segments.
WITH logged AS (
    SELECT
        step, segment, seq,
        AVG(loss) OVER (
            ORDER BY step, segment, seq
            ROWS BETWEEN :rows_before PRECEDING AND CURRENT ROW
        ) AS smoothed_loss,
        timestamp - LAG(timestamp) OVER (PARTITION BY segment ORDER BY seq) AS seconds_since
    FROM current_steps
    WHERE run = :run AND rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
),
summed AS (
    SELECT step, smoothed_loss, SUM(seconds_since) OVER (ORDER BY step, segment, seq) AS seconds
    FROM logged
)
SELECT MIN(step) AS step_to_loss, COALESCE(MIN(seconds), 0) AS seconds_to_loss
FROM summed
WHERE smoothed_loss <= :to_loss
