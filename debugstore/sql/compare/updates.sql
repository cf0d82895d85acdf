-- title: How much the optimizer steps of a run changed its parameters
-- why: Of the lowest rank. A step that changed nothing counts: a run that does not learn has a mean near zero.
SELECT
    AVG(update_ratio) AS update_ratio_mean,
    MAX(update_ratio) AS update_ratio_max
FROM current_param_updates
WHERE run = :run AND rank = (SELECT MIN(rank) FROM segments WHERE run = :run)
