-- title: The norms of the gradients
-- param: since_step = 0  -- first step that counts
-- param: rows = 10       -- logged gradients on each side of the comparison
WITH
norms AS (
    SELECT
        total_norm,
        ROW_NUMBER() OVER (ORDER BY total_norm) AS by_norm,
        COUNT(*) OVER () AS num_norms
    FROM current_grads
    WHERE run = :run AND step >= :since_step AND total_norm IS NOT NULL
),
median AS (
    SELECT AVG(total_norm) AS total_norm FROM norms WHERE by_norm IN ((num_norms + 1) / 2, (num_norms + 2) / 2)
),
ends AS (
    SELECT 'first' AS side, f.total_norm
    FROM (
        SELECT g.total_norm FROM current_grads AS g
        WHERE g.run = :run AND g.step >= :since_step
        ORDER BY g.step, g.segment, g.seq LIMIT :rows
    ) AS f
    UNION ALL
    SELECT 'last' AS side, f.total_norm
    FROM (
        SELECT g.total_norm FROM current_grads AS g
        WHERE g.run = :run AND g.step >= :since_step
        ORDER BY g.step DESC, g.segment DESC, g.seq DESC LIMIT :rows
    ) AS f
)
SELECT
    COUNT(*) AS steps,
    MIN(total_norm) AS total_norm_min,
    MAX(total_norm) AS total_norm_max,
    AVG(total_norm) AS total_norm_mean,
    (SELECT m.total_norm FROM median AS m) AS total_norm_median,
    (SELECT AVG(e.total_norm) FROM ends AS e WHERE e.side = 'first') AS total_norm_first,
    (SELECT AVG(e.total_norm) FROM ends AS e WHERE e.side = 'last') AS total_norm_last,
    CAST(SUM(CASE WHEN clipped_norm < 0.999 * total_norm THEN 1 ELSE 0 END) AS DOUBLE PRECISION)
    / NULLIF(COUNT(clipped_norm), 0) AS clipped_share,
    MAX(max_grad) AS max_grad,
    MIN(min_grad) AS min_grad,
    MIN(num_params_with_grad) AS num_params_with_grad_min,
    MAX(num_params_total) AS num_params_total,
    MAX(num_zero_grad) AS num_zero_grad_max,
    COALESCE(SUM(CASE WHEN total_norm = 0 THEN 1 ELSE 0 END), 0) AS num_zero_steps,
    COALESCE(SUM(CASE WHEN num_nonfinite > 0 OR nonfinite LIKE '%"total_norm":%' THEN 1 ELSE 0 END), 0)
    AS num_nonfinite_steps
FROM current_grads
WHERE run = :run AND step >= :since_step
