-- title: The losses and gradient norms of a long run, all of them
-- why: Of the lowest rank, as in a comparison.
SELECT
    SUM(t.num_steps) AS num_logged,
    SUM(t.num_steps - t.num_losses) AS num_nonfinite_loss,
    SUM(t.norm_sum) / NULLIF(SUM(t.num_norms), 0) AS total_norm_mean,
    SUM(t.num_grads - t.num_norms) AS num_nonfinite_gradients,
    SUM(t.ratio_sum) / NULLIF(SUM(t.num_ratios), 0) AS update_ratio_mean
FROM digest_stretches AS t
INNER JOIN segments AS s ON t.segment = s.id
WHERE t.run = :run AND s.rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
