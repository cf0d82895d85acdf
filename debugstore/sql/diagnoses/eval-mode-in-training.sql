-- title: The model trains in eval mode
-- severity: warning
-- stage: loop
-- confidence: certain
-- needs: steps.num_eval_modules
-- explains: overfitting, batch-norm-frozen-statistics
-- message: {observed} dropout or norm modules are in eval mode, in {count} logged steps
-- param: share = 0.5  -- of the logged steps; a validation inside the loop may leave one behind
-- why: Dropout does nothing and batch norm uses statistics that never move: the model is not the one you think you train.
-- remedy: Call `model.train()` before the training steps, and again after every validation.
-- silent-on: frozen modules kept in eval mode on purpose
-- evidence: SELECT step, num_eval_modules FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        rank,
        step,
        num_eval_modules,
        SUM(CASE WHEN num_eval_modules > 0 THEN 1 ELSE 0 END) OVER (PARTITION BY rank) AS num_wrong,
        COUNT(*) OVER (PARTITION BY rank) AS num_rows
    FROM current_steps
    WHERE run = :run AND num_eval_modules IS NOT NULL
)
SELECT step, 'modules' AS subject, num_eval_modules AS observed, 0 AS threshold, rank
FROM logged
WHERE num_eval_modules > 0 AND num_wrong > :share * num_rows
ORDER BY step, rank
