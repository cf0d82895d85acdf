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
WITH by_step AS (
    SELECT step, COUNT(*) AS num_ranks, COUNT(DISTINCT batch_fingerprint) AS num_distinct
    FROM current_steps
    WHERE run = :run AND batch_fingerprint IS NOT NULL
        AND (SELECT COUNT(DISTINCT g.rank) FROM segments AS g WHERE g.run = :run) > 1
    GROUP BY step
),
counted AS (
    SELECT
        MIN(CASE WHEN num_distinct < num_ranks THEN step END) AS step,
        SUM(CASE WHEN num_distinct < num_ranks THEN 1 ELSE 0 END) AS num_shared,
        COUNT(*) AS num_rows
    FROM by_step
    WHERE num_ranks > 1
)
SELECT step, 'batches' AS subject, num_shared AS observed, num_rows AS threshold
FROM counted
WHERE
    num_shared >= :rows
    AND num_shared > :share * num_rows
    AND NOT EXISTS (SELECT 1 FROM fit_starts AS f WHERE f.run = :run AND f.is_sharded)
