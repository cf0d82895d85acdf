-- title: Ranks train on the same batches
-- severity: warning
-- stage: ranks
-- confidence: certain
-- needs: steps.batch_fingerprint
-- explains: overfitting
-- message: at {observed} of {threshold} steps that several ranks logged they had the same batch
-- param: rows = 3     -- steps at which they had; one may be chance with a small data set
-- param: share = 0.5  -- of the steps that several ranks logged
-- why: Two ranks on one batch do the work of one: the effective batch is a fraction of what was meant.
-- remedy: Give each rank its part: `DistributedSampler(dataset)`, and call `sampler.set_epoch(epoch)`.
-- silent-on: sharded models, whose ranks share a batch by design
-- evidence: SELECT step, rank, batch_fingerprint FROM current_steps WHERE run = :run ORDER BY step, rank LIMIT 20
WITH logged AS (
    SELECT step, rank, COUNT(*) OVER (PARTITION BY step, batch_fingerprint) AS num_same
    FROM current_steps
    WHERE run = :run AND batch_fingerprint IS NOT NULL
        AND (SELECT COUNT(DISTINCT g.rank) FROM segments AS g WHERE g.run = :run) > 1
),
by_step AS (
    SELECT step, MAX(num_same) AS most_same FROM logged GROUP BY step HAVING COUNT(*) > 1
),
counted AS (
    SELECT
        MIN(CASE WHEN most_same > 1 THEN step END) AS step,
        SUM(CASE WHEN most_same > 1 THEN 1 ELSE 0 END) AS num_shared,
        COUNT(*) AS num_rows
    FROM by_step
),
sharing AS (
    SELECT rank FROM logged WHERE num_same > 1 GROUP BY rank HAVING COUNT(*) >= :rows
)
SELECT c.step, 'batches' AS subject, c.num_shared AS observed, c.num_rows AS threshold, o.rank
FROM counted AS c
LEFT JOIN sharing AS o ON c.num_shared > 0
WHERE
    c.num_shared >= :rows
    AND c.num_shared > :share * c.num_rows
    AND NOT EXISTS (SELECT 1 FROM fit_starts AS f WHERE f.run = :run AND f.is_sharded)
ORDER BY c.step, o.rank
