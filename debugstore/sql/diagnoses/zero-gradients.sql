-- title: All gradients are zero
-- severity: error
-- stage: symptom
-- confidence: certain
-- needs: grads.total_norm
-- explains: not-learning, no-parameter-updates, learning-rate-too-low
-- message: backward leaves nothing but zeros in {count} logged steps
-- param: rows = 2  -- one zero gradient can be an odd batch, two logged ones are not
-- why: A parameter whose gradient is zero is moved by weight decay alone: the model cannot learn.
-- remedy: Find where the path from the loss to the parameters ends: `loss.grad_fn`, `detach()`, `no_grad()`, a loss that is constant.
-- silent-on: a loss that is zero, which has no slope
-- evidence: SELECT step, total_norm, num_params_with_grad, num_zero_grad FROM current_grads WHERE run = :run ORDER BY step LIMIT 20
WITH zero AS (
    SELECT
        g.rank,
        g.step,
        COALESCE(
            (
                SELECT s.loss FROM steps AS s
                WHERE s.run = :run AND s.segment = g.segment AND s.seq < g.seq
                ORDER BY s.seq DESC LIMIT 1
            ), 1
        ) AS loss
    FROM current_grads AS g
    WHERE g.run = :run AND g.total_norm = 0
),
counted AS (
    SELECT rank, step, COUNT(*) OVER (PARTITION BY rank) AS num_rows FROM zero WHERE loss <> 0
)
SELECT step, 'total_norm' AS subject, 0.0 AS observed, 0.0 AS threshold, rank
FROM counted
WHERE num_rows >= :rows
ORDER BY step, rank
