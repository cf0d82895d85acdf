-- title: The optimizer changes no parameter
-- severity: error
-- stage: symptom
-- confidence: certain
-- needs: param_updates.num_params_updated
-- explains: not-learning
-- message: {count} measured optimizer steps changed nothing, of {threshold} parameters not one
-- param: rows = 2      -- one step may be skipped by a gradient scaler
-- param: share = 0.5   -- of the measured steps with a learning rate above zero; a scaler's skips are fewer
-- why: A model whose parameters stay as they are cannot learn.
-- remedy: Check that the optimizer holds this model's parameters and that `optimizer.step()` runs after `loss.backward()`.
-- silent-on: steps at learning rate zero, as warm-up and decay have
-- evidence: SELECT step, num_params_updated, num_params_total, update_norm FROM current_param_updates WHERE run = :run ORDER BY step LIMIT 20
WITH still AS (
    SELECT
        u.rank,
        u.step,
        u.num_params_total,
        COALESCE(
            (
                SELECT s.learning_rate FROM steps AS s
                WHERE s.run = :run AND s.segment = u.segment AND s.seq < u.seq
                ORDER BY s.seq DESC LIMIT 1
            ), 1
        ) AS rate
    FROM current_param_updates AS u
    WHERE u.run = :run AND u.num_params_updated = 0
),
counted AS (
    SELECT rank, step, num_params_total, COUNT(*) OVER (PARTITION BY rank) AS num_still FROM still WHERE rate > 0
),
measured AS (
    SELECT rank, COUNT(*) AS num_rows
    FROM current_param_updates
    WHERE run = :run AND num_params_updated IS NOT NULL
    GROUP BY rank
)
SELECT c.step, 'parameters' AS subject, 0 AS observed, c.num_params_total AS threshold, c.rank
FROM counted AS c
INNER JOIN measured AS m ON c.rank = m.rank
WHERE
    c.num_still >= :rows
    AND c.num_still > :share * (m.num_rows - (SELECT COUNT(*) FROM still AS s WHERE s.rank = c.rank AND s.rate = 0))
ORDER BY c.step, c.rank
