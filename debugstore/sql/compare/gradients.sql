-- title: The gradient norms of a run
-- why: Of the lowest rank; before clipping.
SELECT
    AVG(total_norm) AS total_norm_mean,
    MAX(total_norm) AS total_norm_max,
    COUNT(*) FILTER (WHERE num_nonfinite > 0) AS num_nonfinite_gradients
FROM current_grads
WHERE run = :run AND rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
