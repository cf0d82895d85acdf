-- title: The loss falls while the plain cross entropy does not
-- severity: warning
-- stage: loss
-- confidence: possible
-- needs: steps.loss, steps.cross_entropy
-- explains: not-learning, overfitting
-- message: the loss fell by {subject} while the plain cross entropy of the same outputs went to {observed} from {threshold}
-- param: min_rows = 12  -- logged steps below which a trend is guesswork
-- param: fall = 0.1     -- share of the loss that has gone
-- param: rise = 0.05    -- share of the cross entropy that was added
-- why: What is minimised is something else: class weights or a penalty outweigh what the labels say.
-- remedy: Look at the terms one by one; scale weights to a mean of 1: `weight = counts.sum() / (num_classes * counts)`.
-- silent-on: label smoothing and distillation, under which the plain cross entropy falls too
-- evidence: SELECT step, loss, cross_entropy, accuracy FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT step, loss, cross_entropy
    FROM current_steps
    WHERE
        run = :run
        AND loss IS NOT NULL
        AND cross_entropy IS NOT NULL
        AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
),
bounds AS (
    SELECT MIN(step) AS first_step, MAX(step) AS last_step, COUNT(*) AS num_rows FROM logged
),
means AS (
    SELECT
        AVG(l.loss) FILTER (WHERE 4 * (l.step - b.first_step) <= b.last_step - b.first_step) AS early_loss,
        AVG(l.loss) FILTER (WHERE 4 * (b.last_step - l.step) <= b.last_step - b.first_step) AS late_loss,
        AVG(l.cross_entropy) FILTER (WHERE 4 * (l.step - b.first_step) <= b.last_step - b.first_step) AS early_entropy,
        AVG(l.cross_entropy) FILTER (WHERE 4 * (b.last_step - l.step) <= b.last_step - b.first_step) AS late_entropy
    FROM logged AS l
    CROSS JOIN bounds AS b
)
SELECT b.first_step AS step, 'a tenth or more' AS subject, m.late_entropy AS observed, m.early_entropy AS threshold
FROM means AS m
CROSS JOIN bounds AS b
WHERE
    b.num_rows >= :min_rows
    AND m.early_loss > 0
    AND m.late_loss > 0
    AND m.late_loss < (1 - :fall) * m.early_loss
    AND m.late_entropy > (1 + :rise) * m.early_entropy
