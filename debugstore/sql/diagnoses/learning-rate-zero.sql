-- title: The learning rate is zero
-- severity: error
-- stage: hyperparameters
-- confidence: certain
-- needs: steps.learning_rate
-- explains: not-learning, no-parameter-updates
-- message: the learning rate is 0 in {count} logged steps, {observed} of all
-- param: share = 0.5  -- warm-up and decay touch zero for a small part of a run, never for half of it
-- param: rows = 2     -- one step at zero is how every warm-up begins
-- why: An optimizer at learning rate 0 changes nothing; those steps are time lost.
-- remedy: Give the optimizer its rate and check what the scheduler makes of it: `print(scheduler.get_last_lr())`.
-- silent-on: warm-up from zero and decay to zero, runs with another parameter group that has a rate
-- evidence: SELECT step, learning_rate FROM current_steps WHERE run = :run AND learning_rate = 0 ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        rank,
        step,
        learning_rate,
        COUNT(*) OVER (PARTITION BY rank) AS num_rows,
        SUM(CASE WHEN learning_rate = 0 THEN 1 ELSE 0 END) OVER (PARTITION BY rank) AS num_zero
    FROM current_steps
    WHERE run = :run AND learning_rate IS NOT NULL
)
SELECT
    step,
    'learning_rate' AS subject,
    CAST(num_zero AS DOUBLE PRECISION) / num_rows AS observed,
    :share AS threshold,
    rank
FROM logged
WHERE
    learning_rate = 0
    AND num_zero >= :rows
    AND num_zero > :share * num_rows
    AND NOT EXISTS (
        SELECT 1 FROM optimizer_groups AS o
        WHERE o.run = :run AND (o.group_idx > 0 OR o.optimizer_idx > 0) AND o.lr > 0
    )
ORDER BY step, rank
