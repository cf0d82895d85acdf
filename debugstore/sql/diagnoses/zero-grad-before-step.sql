-- title: Gradients are cleared before the optimizer sees them
-- severity: error
-- stage: loop
-- confidence: certain
-- needs: loops.call_order
-- explains: not-learning, no-parameter-updates, weight-decay-dominates, learning-rate-too-low, clip-too-tight,
--   updates-lost-to-rounding
-- message: the calls come in the order {subject}: zero_grad (Z) stands between backward (B) and the optimizer step (S)
-- param: share = 0.5  -- of the logged steps
-- param: first_events = 10000  -- events of each segment that are looked at: order is a property of the loop
-- why: The optimizer steps on nothing; at most weight decay moves the parameters.
-- remedy: Move it behind the step: `loss.backward(); optimizer.step(); optimizer.zero_grad()`.
-- silent-on: several optimizers, which may clear each other's; an optimizer that saw gradients all the same, made after the
--   clearing by a backward pass of another loss
-- evidence: SELECT step, call_order FROM current_loops WHERE run = :run ORDER BY step LIMIT 20
WITH orders AS (
    SELECT
        l.rank,
        l.step,
        l.call_order,
        REPLACE(REPLACE(REPLACE(REPLACE(l.call_order, 'F', ''), 'L', ''), 'U', ''), 'ZZ', 'Z') AS bare,
        l.num_total_optimizer_steps - l.num_total_backward AS ahead,
        -- in a set, which is looked up at once; a join would go through all gradients for each step
        CASE
            WHEN (l.rank, l.step) IN (
                SELECT g.rank, g.step FROM current_grads AS g WHERE g.run = :run AND g.clipped_norm > 0
            ) THEN 1
            ELSE 0
        END AS fed
    FROM current_loops AS l
    WHERE l.run = :run AND l.num_optimizer_steps > 0 AND l.seq < :first_events
),
counted AS (
    SELECT
        orders.*,
        SUM(CASE WHEN bare LIKE '%BZS%' THEN 1 ELSE 0 END) OVER (PARTITION BY rank) AS num_wrong,
        MAX(ahead) OVER (PARTITION BY rank) AS most_ahead,
        MAX(CASE WHEN bare LIKE '%BZS%' THEN fed END) OVER (PARTITION BY rank) AS most_fed,
        COUNT(*) OVER (PARTITION BY rank) AS num_rows
    FROM orders
)
SELECT step, call_order AS subject, 1 AS observed, 0 AS threshold, rank
FROM counted
WHERE
    bare LIKE '%BZS%'
    AND num_wrong > :share * num_rows
    AND most_ahead <= 0
    AND most_fed = 0
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
ORDER BY step, rank
