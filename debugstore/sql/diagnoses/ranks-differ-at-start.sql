-- title: Ranks start from different weights
-- severity: error
-- stage: ranks
-- confidence: certain
-- needs: fit_starts.parameter_fingerprint, param_updates.parameter_fingerprint
-- explains: ranks-not-synchronised, rank-hyperparameters-differ
-- message: {observed} different sets of weights on {threshold} ranks at the start, and they stay different
-- why: Averaged gradients of different models fit none of them.
-- remedy: Seed every rank alike before the model is built, `torch.manual_seed(0)`, or let the wrapper broadcast: `DistributedDataParallel(model)`.
-- silent-on: sharded models; ranks that are made equal by the first step
-- evidence: SELECT rank, step, parameter_fingerprint FROM current_fit_starts WHERE run = :run ORDER BY step, rank
WITH logged AS (
    SELECT step, rank, parameter_fingerprint, COUNT(*) OVER (PARTITION BY parameter_fingerprint) AS num_same
    FROM current_fit_starts
    WHERE run = :run AND parameter_fingerprint IS NOT NULL AND NOT COALESCE(is_sharded, FALSE)
        AND step = (SELECT MIN(f.step) FROM current_fit_starts AS f WHERE f.run = :run)
),
starts AS (
    SELECT
        MIN(step) AS step,
        COUNT(DISTINCT rank) AS num_ranks,
        COUNT(DISTINCT parameter_fingerprint) AS num_distinct,
        MAX(num_same) AS most_same
    FROM logged
),
later AS (
    SELECT step, COUNT(DISTINCT rank) AS num_ranks, COUNT(DISTINCT parameter_fingerprint) AS num_distinct
    FROM current_param_updates
    WHERE run = :run AND parameter_fingerprint IS NOT NULL
    GROUP BY step
)
SELECT s.step, 'parameters' AS subject, s.num_distinct AS observed, s.num_ranks AS threshold, o.rank
FROM starts AS s
-- those that are not with the most; of ranks that are as many on each side none is the odd one
LEFT JOIN logged AS o ON o.num_same < s.most_same
WHERE
    s.num_ranks > 1
    AND s.num_distinct > 1
    AND NOT EXISTS (SELECT 1 FROM later AS l WHERE l.num_ranks > 1 AND l.num_distinct = 1)
    AND EXISTS (SELECT 1 FROM later AS l WHERE l.num_ranks > 1 AND l.num_distinct > 1)
ORDER BY s.step, o.rank
