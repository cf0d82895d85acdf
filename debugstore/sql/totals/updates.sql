-- title: The measured updates of a long run, all of them
SELECT
    SUM(num_updates) AS steps,
    SUM(num_still_updates) AS num_still_steps,
    SUM(ratio_sum) / NULLIF(SUM(num_ratios), 0) AS update_ratio_mean
FROM digest_stretches
WHERE run = :run
