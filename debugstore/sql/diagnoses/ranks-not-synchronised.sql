-- title: Ranks drift apart
-- severity: error
-- stage: ranks
-- moment: step
-- confidence: certain
-- needs: fit_starts.parameter_fingerprint, param_updates.parameter_fingerprint
-- message: after step {first_step} the ranks hold {observed} different sets of weights, {subject}
-- why: Each rank trains a model of its own; the checkpoint of rank 0 has seen only its part of the data.
-- remedy: Call the wrapper, not what is inside: `out = ddp_model(x)`, and leave `no_sync()` for accumulation.
-- silent-on: sharded models
-- evidence: SELECT step, rank, parameter_fingerprint FROM current_param_updates WHERE run = :run ORDER BY step, rank LIMIT 20
WITH logged AS (
    SELECT
        step,
        rank,
        parameter_fingerprint,
        COUNT(*) OVER (PARTITION BY step, parameter_fingerprint) AS num_same
    FROM current_param_updates
    WHERE
        run = :run
        AND parameter_fingerprint IS NOT NULL
        AND (SELECT COUNT(DISTINCT g.rank) FROM segments AS g WHERE g.run = :run) > 1
),
by_step AS (
    SELECT
        step,
        COUNT(DISTINCT rank) AS num_ranks,
        COUNT(DISTINCT parameter_fingerprint) AS num_distinct,
        MAX(num_same) AS most_same
    FROM logged
    GROUP BY step
),
gradients AS (
    SELECT step, COUNT(DISTINCT gradient_fingerprint) AS num_distinct
    FROM current_grads
    WHERE run = :run AND gradient_fingerprint IS NOT NULL
        AND (SELECT COUNT(DISTINCT g.rank) FROM segments AS g WHERE g.run = :run) > 1
    GROUP BY step
)
SELECT
    b.step,
    CASE
        WHEN g.num_distinct > 1 THEN 'and their gradients differ'
        ELSE 'though their gradients are the same'
    END AS subject,
    b.num_distinct AS observed,
    1 AS threshold,
    o.rank
FROM by_step AS b
-- those that are not with the most; of ranks that are as many on each side none is the odd one
LEFT JOIN logged AS o ON b.step = o.step AND o.num_same < b.most_same
LEFT JOIN gradients AS g ON b.step = g.step
WHERE
    b.num_ranks > 1
    AND b.num_distinct > 1
    AND NOT EXISTS (SELECT 1 FROM fit_starts AS f WHERE f.run = :run AND f.is_sharded)
ORDER BY b.step, o.rank
