-- title: The optimizer's eps swallows its steps
-- severity: error
-- stage: hyperparameters
-- confidence: likely
-- needs: optimizer_groups.eps, param_updates.update_norm, fit_starts.trainable_params
-- explains: not-learning, learning-rate-too-low, updates-lost-to-rounding, clip-too-tight
-- message: eps is {observed}, and the first steps are a fraction of what the learning rate allows
-- param: eps = 1e-4   -- a thousand times the default; larger values are rare and deliberate
-- param: part = 0.05  -- step / learning rate, by entry; an Adam step is near 1 at first, whatever the gradients
-- why: An adaptive step is gradient / (root of its square + eps): where eps is larger than the gradients, nothing is left.
-- remedy: Use the default: `torch.optim.AdamW(model.parameters(), lr=lr, eps=1e-8)`.
-- silent-on: a large eps that does not shorten the steps
-- evidence: SELECT optimizer_idx, group_idx, type, lr, eps FROM optimizer_groups WHERE run = :run
WITH steps_seen AS (
    SELECT
        u.step,
        u.update_norm,
        (
            SELECT s.learning_rate FROM steps AS s
            WHERE s.run = :run AND s.segment = u.segment AND s.step = u.step AND s.seq < u.seq
            ORDER BY s.seq DESC LIMIT 1
        ) AS rate
    FROM current_param_updates AS u
    WHERE u.run = :run AND u.update_norm IS NOT NULL
    ORDER BY u.segment, u.seq
    LIMIT 10
),
settings AS (
    SELECT MAX(o.eps) AS eps FROM optimizer_groups AS o
    WHERE o.run = :run AND o.type IN ('Adam', 'AdamW', 'NAdam', 'RAdam', 'Adamax', 'RMSprop', 'Adagrad')
),
judged AS (
    SELECT
        u.step,
        CASE
            WHEN
                u.update_norm * u.update_norm
                < :part * :part * u.rate * u.rate
                * (SELECT MAX(f.trainable_params) FROM fit_starts AS f WHERE f.run = :run)
                THEN 1
            ELSE 0
        END AS short
    FROM steps_seen AS u
    WHERE u.rate > 0
)
SELECT MIN(j.step) AS step, 'eps' AS subject, MAX(s.eps) AS observed, :eps AS threshold
FROM judged AS j
CROSS JOIN settings AS s
WHERE s.eps > :eps
HAVING COUNT(*) >= 2 AND SUM(j.short) > 0.5 * COUNT(*)
