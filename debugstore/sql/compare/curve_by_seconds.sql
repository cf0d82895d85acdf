-- title: The loss of a run in equal slices of the seconds it took
-- why: Of the lowest rank, up to :reach seconds, which every compared run came to. Seconds leave out the pauses between segments.
WITH RECURSIVE slices (slice) AS (
    SELECT 0
    UNION ALL
    SELECT slice + 1
    FROM slices
    WHERE slice + 1 < :slices
),
spaced AS (
    SELECT
        step, segment, seq, loss, nonfinite,
        timestamp - LAG(timestamp) OVER (PARTITION BY segment ORDER BY seq) AS seconds_since
    FROM current_steps
    WHERE run = :run AND rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
),
summed AS (
    SELECT loss, nonfinite, COALESCE(SUM(seconds_since) OVER (ORDER BY step, segment, seq), 0) AS reached
    FROM spaced
)
SELECT
    s.slice,
    AVG(r.loss) AS loss,
    COUNT(*) FILTER (WHERE r.loss IS NULL AND r.nonfinite LIKE '%"loss":%') AS num_nonfinite
FROM slices AS s
INNER JOIN summed AS r
    ON r.reached * :slices >= s.slice * :reach
    AND (r.reached * :slices < (s.slice + 1) * :reach OR (s.slice = :slices - 1 AND r.reached <= :reach))
GROUP BY s.slice
ORDER BY s.slice
