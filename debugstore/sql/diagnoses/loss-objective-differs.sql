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
    SELECT
        step,
        loss,
        cross_entropy,
        NTILE(4) OVER (ORDER BY step, segment, seq) AS quarter,
        COUNT(*) OVER () AS num_rows
    FROM current_steps
    WHERE run = :run AND loss IS NOT NULL AND cross_entropy IS NOT NULL
        AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
),
means AS (
    SELECT
        MIN(step) AS step,
        MAX(num_rows) AS num_rows,
        AVG(loss) FILTER (WHERE quarter = 1) AS early_loss,
        AVG(loss) FILTER (WHERE quarter = 4) AS late_loss,
        AVG(cross_entropy) FILTER (WHERE quarter = 1) AS early_entropy,
        AVG(cross_entropy) FILTER (WHERE quarter = 4) AS late_entropy
    FROM logged
)
SELECT step, 'a tenth or more' AS subject, late_entropy AS observed, early_entropy AS threshold
FROM means
WHERE
    num_rows >= :min_rows
    AND early_loss > 0
    AND late_loss > 0
    AND late_loss < (1 - :fall) * early_loss
    AND late_entropy > (1 + :rise) * early_entropy
