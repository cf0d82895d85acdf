-- title: The loss of a run in equal slices of the tokens it saw
-- why: Of the lowest rank, up to :reach tokens, which every compared run came to. Tokens of a logged step stand for the steps since the one logged before.
WITH RECURSIVE slices (slice) AS (
    SELECT 0
    UNION ALL
    SELECT slice + 1
    FROM slices
    WHERE slice + 1 < :slices
),
spaced AS (
    SELECT
        step, segment, seq, loss, nonfinite, num_valid_tokens,
        step - LAG(step) OVER (ORDER BY step, segment, seq) AS steps_since
    FROM current_steps
    WHERE run = :run AND rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
),
summed AS (
    SELECT
        loss, nonfinite,
        SUM(num_valid_tokens * COALESCE(steps_since, 1)) OVER (ORDER BY step, segment, seq) AS reached
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
