-- title: Batch norm's running statistics never move
-- severity: warning
-- stage: model
-- confidence: likely
-- needs: param_updates.buffer_fingerprint, module_activations.type
-- explains: overfitting
-- message: the buffers are bit for bit the same in {observed} measured steps, though {subject} ran in train mode
-- param: rows = 3  -- measured steps
-- why: Evaluation uses those statistics: it sees other activations than the training does.
-- remedy: Leave the momentum at its default, `nn.BatchNorm2d(channels)`, and train in train mode.
-- silent-on: models in eval mode, models without batch norm
-- evidence: SELECT step, buffer_fingerprint FROM current_param_updates WHERE run = :run ORDER BY step LIMIT 20
WITH measured AS (
    SELECT
        MIN(step) AS step,
        COUNT(buffer_fingerprint) AS num_rows,
        COUNT(DISTINCT buffer_fingerprint) AS num_distinct
    FROM current_param_updates
    WHERE run = :run
),
norms AS (
    SELECT MIN(module) AS module FROM current_module_activations WHERE run = :run AND type LIKE 'BatchNorm%'
)
SELECT m.step, n.module AS subject, m.num_rows AS observed, 0 AS threshold
FROM measured AS m
CROSS JOIN norms AS n
WHERE
    n.module IS NOT NULL
    AND m.num_rows >= :rows
    AND m.num_distinct = 1
    AND (SELECT COUNT(DISTINCT g.rank) FROM segments AS g WHERE g.run = :run) = 1
    AND NOT EXISTS (SELECT 1 FROM current_steps AS s WHERE s.run = :run AND s.num_eval_modules > 0)
