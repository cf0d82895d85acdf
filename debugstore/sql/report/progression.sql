-- title: Loss, accuracy and learning rate by epoch
-- param: since_step = 0  -- first step that counts
WITH
logged AS (
    SELECT
        epoch,
        rank,
        loss,
        accuracy,
        learning_rate,
        CASE
            WHEN nonfinite LIKE '%"loss":"nan"%' THEN 'nan'
            WHEN nonfinite LIKE '%"loss":"inf"%' THEN 'inf'
            WHEN nonfinite LIKE '%"loss":"-inf"%' THEN '-inf'
        END AS word,
        ROW_NUMBER() OVER (PARTITION BY epoch ORDER BY rank, step, segment, seq) AS from_first,
        ROW_NUMBER() OVER (PARTITION BY epoch ORDER BY rank ASC, step DESC, segment DESC, seq DESC) AS from_last,
        MIN(rank) OVER () AS main_rank
    FROM current_steps
    WHERE run = :run AND step >= :since_step
)
SELECT
    epoch,
    COUNT(*) FILTER (WHERE rank = main_rank) AS steps,
    MAX(loss) FILTER (WHERE from_first = 1) AS loss_first,
    MAX(word) FILTER (WHERE from_first = 1) AS loss_first_word,
    MAX(loss) FILTER (WHERE from_last = 1) AS loss_last,
    MAX(word) FILTER (WHERE from_last = 1) AS loss_last_word,
    AVG(loss) AS loss_mean,
    COUNT(word) AS num_nonfinite,
    MAX(accuracy) FILTER (WHERE from_first = 1) AS accuracy_first,
    MAX(accuracy) FILTER (WHERE from_last = 1) AS accuracy_last,
    AVG(accuracy) AS accuracy_mean,
    MAX(learning_rate) FILTER (WHERE from_first = 1) AS learning_rate_first,
    MAX(learning_rate) FILTER (WHERE from_last = 1) AS learning_rate_last
FROM logged
GROUP BY epoch
ORDER BY epoch
