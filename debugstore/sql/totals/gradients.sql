-- title: The gradients of a long run, all of them
SELECT
    SUM(num_grads) AS steps,
    SUM(norm_sum) / NULLIF(SUM(num_norms), 0) AS total_norm_mean,
    SUM(num_zero_norms) AS num_zero_steps,
    SUM(num_grads - num_norms) AS num_nonfinite_steps
FROM digest_stretches
WHERE run = :run
