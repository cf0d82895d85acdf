-- title: The training waits for its data
-- severity: note
-- stage: system
-- confidence: likely
-- needs: loops.data_seconds, loops.step_seconds
-- message: {observed} of a step passes between the end of one step and the next forward pass
-- param: share = 0.5      -- of the step
-- param: first_steps = 10  -- steps left out: compilation and warm-up
-- param: rows = 2         -- logged steps
-- why: The device idles meanwhile; the training would be as many times quicker with a loader that keeps up.
-- remedy: Load in the background: `DataLoader(dataset, num_workers=8, pin_memory=True, persistent_workers=True)`.
-- evidence: SELECT step, step_seconds, data_seconds, forward_seconds, backward_seconds FROM current_loops WHERE run = :run ORDER BY step LIMIT 20
SELECT
    MIN(step) AS step,
    'data' AS subject,
    SUM(data_seconds) / NULLIF(SUM(step_seconds), 0) AS observed,
    :share AS threshold
FROM current_loops
WHERE run = :run AND data_seconds IS NOT NULL AND step_seconds IS NOT NULL AND step >= :first_steps
HAVING COUNT(*) >= :rows AND SUM(data_seconds) > :share * SUM(step_seconds)
