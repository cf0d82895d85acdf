-- title: The logged steps of a long run, all of them, by rank
SELECT
    s.rank,
    SUM(t.num_steps) AS steps,
    MAX(t.last_step) AS last_step,
    SUM(t.loss_sum) / NULLIF(SUM(t.num_losses), 0) AS loss_mean
FROM digest_stretches AS t
INNER JOIN segments AS s ON t.segment = s.id
WHERE t.run = :run AND t.num_steps > 0
GROUP BY s.rank
ORDER BY s.rank
