-- title: The optimizer steps before backward
-- severity: error
-- stage: loop
-- confidence: certain
-- needs: loops.call_order
-- explains: not-learning, no-parameter-updates, weight-decay-dominates, learning-rate-too-low, clip-too-tight,
--   updates-lost-to-rounding
-- message: the calls come in the order {subject}: the optimizer step (S) sees cleared gradients, backward (B) comes after it
-- param: share = 0.5  -- of the logged steps
-- param: first_events = 10000  -- events of each segment that are looked at: order is a property of the loop
-- why: The optimizer steps on gradients that zero_grad has just cleared; what backward makes is cleared before the next step.
-- remedy: Put the step last: `optimizer.zero_grad(); loss.backward(); optimizer.step()`.
-- silent-on: several optimizers
-- evidence: SELECT step, call_order, num_total_backward, num_total_optimizer_steps FROM current_loops WHERE run = :run ORDER BY step LIMIT 20
WITH orders AS (
    SELECT
        rank,
        step,
        call_order,
        REPLACE(REPLACE(REPLACE(REPLACE(call_order, 'F', ''), 'L', ''), 'U', ''), 'ZZ', 'Z') AS bare,
        num_total_optimizer_steps - num_total_backward AS ahead
    FROM current_loops
    WHERE run = :run AND num_optimizer_steps > 0 AND seq < :first_events
),
judged AS (
    SELECT
        rank,
        step,
        call_order,
        ahead,
        -- read round the loop, a Z lies between B and S; an S that no backward of this log can have fed came first
        CASE
            WHEN bare || bare LIKE '%BZS%' AND (bare LIKE 'S%B%' OR bare LIKE 'ZS%B%' OR bare LIKE '%BZS%') THEN 1
            ELSE 0
        END AS wrong
    FROM orders
),
counted AS (
    SELECT
        judged.*,
        SUM(wrong) OVER (PARTITION BY rank) AS num_wrong,
        MAX(ahead) OVER (PARTITION BY rank) AS most_ahead,
        COUNT(*) OVER (PARTITION BY rank) AS num_rows
    FROM judged
)
SELECT step, call_order AS subject, most_ahead AS observed, 0 AS threshold, rank
FROM counted
WHERE
    wrong = 1
    AND num_wrong > :share * num_rows
    AND most_ahead > 0
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
ORDER BY step, rank
