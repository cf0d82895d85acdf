-- title: Gradients vanish on their way back
-- severity: error
-- without-effect: clear
-- stage: model
-- needs: grads.total_norm
-- explains: not-learning, learning-rate-too-low, updates-lost-to-rounding, no-parameter-updates
-- message: {subject} is {observed}, at least {threshold} is expected, in {count} logged steps
-- param: norm = 1e-3   -- total norm; sound trainings lie between 0.01 and 10, and only a converged one comes lower
-- param: ratio = 1e-4  -- gradient of the first matrix / of the last; sound depth costs a factor of ten or so
-- param: share = 0.5   -- of the logged steps
-- param: converged = 0.5  -- loss / first losses; below it small gradients are a success
-- why: The layers that see the input get no signal, so what they pass on stays as random as it began.
-- remedy: Use normalization, residual connections and an activation that does not saturate: `nn.LayerNorm`, `x + block(x)`, `nn.GELU`.
-- silent-on: converged runs, whose gradients are small for a good reason
-- evidence: SELECT step, total_norm, first_param_norm, last_param_norm FROM current_grads WHERE run = :run ORDER BY step LIMIT 20
WITH start AS (
    SELECT AVG(f.loss) AS loss
    FROM (SELECT loss FROM current_steps WHERE run = :run AND loss IS NOT NULL ORDER BY step LIMIT 5) AS f
),
logged AS (
    SELECT
        g.step,
        g.total_norm,
        g.first_param_norm / NULLIF(g.last_param_norm, 0) AS depth_ratio,
        COALESCE(
            (
                SELECT s.loss FROM steps AS s
                WHERE s.run = :run AND s.segment = g.segment AND s.seq < g.seq
                ORDER BY s.seq DESC LIMIT 1
            ) < :converged * b.loss,
            FALSE
        ) AS converged
    FROM current_grads AS g
    CROSS JOIN start AS b
    WHERE g.run = :run AND g.total_norm > 0
),
judged AS (
    SELECT
        step,
        total_norm,
        depth_ratio,
        CASE WHEN total_norm < :norm AND NOT converged THEN 1 ELSE 0 END AS small,
        CASE WHEN depth_ratio < :ratio THEN 1 ELSE 0 END AS lost
    FROM logged
),
counted AS (
    SELECT judged.*, SUM(small) OVER () AS num_small, SUM(lost) OVER () AS num_lost, COUNT(*) OVER () AS num_rows
    FROM judged
)
SELECT
    step,
    CASE WHEN lost = 1 THEN 'first / last gradient' ELSE 'total_norm' END AS subject,
    CASE WHEN lost = 1 THEN depth_ratio ELSE total_norm END AS observed,
    CASE WHEN lost = 1 THEN :ratio ELSE :norm END AS threshold
FROM counted
WHERE (lost = 1 AND num_lost > :share * num_rows) OR (small = 1 AND num_small > :share * num_rows)
ORDER BY step
