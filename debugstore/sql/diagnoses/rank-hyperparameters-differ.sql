-- title: Ranks train with different settings
-- severity: error
-- stage: ranks
-- confidence: certain
-- needs: steps.learning_rate, grads.clipped_norm
-- explains: ranks-not-synchronised
-- message: the ranks' {subject} differ: {observed} against {threshold} at step {first_step}
-- param: ratio = 1.001  -- larger / smaller; the same rule gives the same number to the last bits
-- why: Equal gradients give unequal steps, and the ranks drift apart.
-- remedy: Take learning rate, clipping and every condition on them out of `if rank == 0:`.
-- evidence: SELECT step, rank, learning_rate FROM current_steps WHERE run = :run ORDER BY step, rank LIMIT 20
WITH ranked AS (
    SELECT COUNT(DISTINCT g.rank) AS num_ranks FROM segments AS g WHERE g.run = :run
),
rates AS (
    SELECT step, COUNT(DISTINCT rank) AS num_ranks, MIN(learning_rate) AS smallest, MAX(learning_rate) AS largest
    FROM current_steps
    WHERE run = :run AND learning_rate IS NOT NULL AND (SELECT r.num_ranks FROM ranked AS r) > 1
    GROUP BY step
),
norms AS (
    SELECT
        step,
        MIN(total_norm) AS smallest_total,
        MAX(total_norm) AS largest_total,
        MIN(clipped_norm) AS smallest,
        MAX(clipped_norm) AS largest
    FROM current_grads
    WHERE run = :run AND total_norm > 0 AND (SELECT r.num_ranks FROM ranked AS r) > 1
    GROUP BY step
)
SELECT step, 'learning rates' AS subject, largest AS observed, smallest AS threshold
FROM rates
WHERE num_ranks > 1 AND largest > :ratio * smallest
UNION ALL
SELECT step, 'clipped norms of equal gradients' AS subject, largest AS observed, smallest AS threshold
FROM norms
WHERE largest_total <= :ratio * smallest_total AND largest > :ratio * smallest
ORDER BY step
