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
WITH measured AS (
    SELECT
        u.step,
        u.num_params_total,
        CASE WHEN u.num_params_updated = 0 THEN 1 ELSE 0 END AS still
    FROM current_param_updates AS u
    WHERE
        u.run = :run
        AND NOT EXISTS (
            SELECT 1 FROM steps AS s
            WHERE s.run = :run AND s.segment = u.segment AND s.step = u.step AND s.learning_rate = 0
        )
),
counted AS (
    SELECT step, num_params_total, still, SUM(still) OVER () AS num_still, COUNT(*) OVER () AS num_rows
    FROM measured
)
SELECT step, 'parameters' AS subject, 0 AS observed, num_params_total AS threshold
FROM counted
WHERE still = 1 AND num_still >= :rows AND num_still > :share * num_rows
ORDER BY step
