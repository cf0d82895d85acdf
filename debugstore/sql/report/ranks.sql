-- title: The ranks side by side
-- param: since_step = 0  -- first step that counts
WITH
losses AS (
    SELECT
        rank,
        COUNT(*) AS steps,
        MAX(step) AS last_step,
        AVG(loss) AS loss_mean,
        MAX(learning_rate) AS learning_rate_max
    FROM current_steps
    WHERE run = :run AND step >= :since_step
    GROUP BY rank
),
norms AS (
    SELECT rank, AVG(total_norm) AS total_norm_mean
    FROM current_grads
    WHERE run = :run AND step >= :since_step
    GROUP BY rank
),
times AS (
    SELECT rank, AVG(step_seconds) AS step_seconds_mean, AVG(data_seconds) AS data_seconds_mean
    FROM current_loops
    WHERE run = :run AND step >= :since_step
    GROUP BY rank
)
SELECT
    l.rank,
    l.steps,
    l.last_step,
    l.loss_mean,
    l.learning_rate_max,
    n.total_norm_mean,
    t.step_seconds_mean,
    t.data_seconds_mean
FROM losses AS l
LEFT JOIN norms AS n ON l.rank = n.rank
LEFT JOIN times AS t ON l.rank = t.rank
ORDER BY l.rank
