-- title: Ranks train with different settings
-- severity: error
-- stage: ranks
-- confidence: certain
-- needs: steps.learning_rate, grads.clipped_norm
-- explains: ranks-not-synchronised
-- message: the {subject} is {observed} at step {first_step}, on other ranks {threshold}
-- param: ratio = 1.001  -- larger / smaller; the same rule gives the same number to the last bits
-- why: Equal gradients give unequal steps, and the ranks drift apart.
-- remedy: Take learning rate, clipping and every condition on them out of `if rank == 0:`.
-- evidence: SELECT step, rank, learning_rate FROM current_steps WHERE run = :run ORDER BY step, rank LIMIT 20
WITH ranked AS (
    SELECT COUNT(DISTINCT g.rank) AS num_ranks FROM segments AS g WHERE g.run = :run
),
equals AS (
    SELECT step
    FROM current_grads
    WHERE run = :run AND total_norm > 0 AND (SELECT r.num_ranks FROM ranked AS r) > 1
    GROUP BY step
    HAVING MAX(total_norm) <= :ratio * MIN(total_norm)
),
logged AS (
    SELECT s.step, s.rank, 'learning rate' AS subject, MAX(s.learning_rate) AS held
    FROM current_steps AS s
    WHERE s.run = :run AND s.learning_rate IS NOT NULL AND (SELECT r.num_ranks FROM ranked AS r) > 1
    GROUP BY s.step, s.rank
    UNION ALL
    SELECT g.step, g.rank, 'clipped norm of equal gradients' AS subject, MAX(g.clipped_norm) AS held
    FROM current_grads AS g
    INNER JOIN equals AS e ON g.step = e.step
    WHERE g.run = :run AND g.clipped_norm IS NOT NULL
    GROUP BY g.step, g.rank
),
compared AS (
    SELECT
        logged.*,
        COUNT(*) OVER (PARTITION BY subject, step, held) AS num_same,
        MIN(held) OVER (PARTITION BY subject, step) AS smallest,
        MAX(held) OVER (PARTITION BY subject, step) AS largest
    FROM logged
),
placed AS (
    SELECT
        compared.*,
        -- what most ranks have, of equally many the lowest rank, is what the others are held against
        FIRST_VALUE(held) OVER (PARTITION BY subject, step ORDER BY num_same DESC, rank ASC) AS usual
    FROM compared
    WHERE largest > :ratio * smallest
)
SELECT step, subject, held AS observed, usual AS threshold, rank
FROM placed
WHERE held > :ratio * usual OR usual > :ratio * held
ORDER BY step ASC, subject DESC, rank ASC
