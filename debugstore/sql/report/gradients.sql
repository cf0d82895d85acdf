-- title: The norms of the gradients
-- param: since_step = 0  -- first step that counts
WITH
logged AS (
    SELECT
        total_norm,
        clipped_norm,
        num_params_with_grad,
        num_params_total,
        num_zero_grad,
        max_grad,
        min_grad,
        CASE WHEN num_nonfinite > 0 OR nonfinite LIKE '%"total_norm":%' THEN 1 ELSE 0 END AS bad,
        CASE WHEN clipped_norm < 0.999 * total_norm THEN 1 ELSE 0 END AS clipped,
        ROW_NUMBER() OVER (ORDER BY step, segment, seq) AS place,
        COUNT(*) OVER () AS num_rows,
        ROW_NUMBER() OVER (ORDER BY total_norm IS NULL, total_norm) AS by_norm,
        COUNT(total_norm) OVER () AS num_norms
    FROM current_grads
    WHERE run = :run AND step >= :since_step
)
SELECT
    COUNT(*) AS steps,
    MIN(total_norm) AS total_norm_min,
    MAX(total_norm) AS total_norm_max,
    AVG(total_norm) AS total_norm_mean,
    AVG(total_norm) FILTER (WHERE by_norm IN ((num_norms + 1) / 2, (num_norms + 2) / 2)) AS total_norm_median,
    AVG(total_norm) FILTER (WHERE place <= 10) AS total_norm_first,
    AVG(total_norm) FILTER (WHERE num_rows - place < 10) AS total_norm_last,
    CAST(SUM(clipped) AS DOUBLE PRECISION) / NULLIF(COUNT(clipped_norm), 0) AS clipped_share,
    MAX(max_grad) AS max_grad,
    MIN(min_grad) AS min_grad,
    MIN(num_params_with_grad) AS num_params_with_grad_min,
    MAX(num_params_total) AS num_params_total,
    MAX(num_zero_grad) AS num_zero_grad_max,
    COALESCE(SUM(CASE WHEN total_norm = 0 THEN 1 ELSE 0 END), 0) AS num_zero_steps,
    COALESCE(SUM(bad), 0) AS num_nonfinite_steps
FROM logged
