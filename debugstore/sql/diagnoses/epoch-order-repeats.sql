-- title: Every epoch has the same order
-- severity: note
-- stage: data
-- confidence: certain
-- needs: steps.batch_fingerprint, epochs.epoch
-- message: {observed} of {threshold} batches that were logged twice came at the same place in their epochs
-- param: epochs = 8   -- epochs that are looked at, the first ones: order is a property of the loop
-- param: rows = 2    -- batches seen at the same place in two epochs; a whole batch comes together twice by no chance
-- param: share = 0.8  -- of the batches that two epochs logged at the same place
-- why: Order is chance the training could use; under several ranks it means that `set_epoch` is not called.
-- remedy: Shuffle anew in each epoch: `shuffle=True`, or `sampler.set_epoch(epoch)` at its start.
-- evidence: SELECT epoch, batch_idx, step, batch_fingerprint FROM current_steps WHERE run = :run ORDER BY batch_idx, epoch LIMIT 20
WITH placed AS (
    SELECT
        step,
        epoch,
        batch_fingerprint,
        LAG(batch_fingerprint) OVER (PARTITION BY rank, batch_idx ORDER BY epoch, step) AS one_before,
        LAG(epoch) OVER (PARTITION BY rank, batch_idx ORDER BY epoch, step) AS epoch_before
    FROM current_steps
    WHERE
        run = :run
        AND batch_fingerprint IS NOT NULL
        AND batch_idx IS NOT NULL
        AND epoch < (SELECT MIN(e.epoch) FROM epochs AS e WHERE e.run = :run) + :epochs
),
counted AS (
    SELECT
        MIN(CASE WHEN batch_fingerprint = one_before THEN step END) AS step,
        SUM(CASE WHEN batch_fingerprint = one_before THEN 1 ELSE 0 END) AS num_same,
        COUNT(one_before) AS num_pairs,
        COUNT(DISTINCT batch_fingerprint) AS num_distinct
    FROM placed
    WHERE one_before IS NULL OR epoch <> epoch_before
)
SELECT step, 'epochs' AS subject, num_same AS observed, num_pairs AS threshold
FROM counted
WHERE num_same >= :rows AND num_same >= :share * num_pairs AND num_distinct > 1
