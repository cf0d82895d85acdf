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
WITH means AS (
    SELECT
        MIN(s.step) AS first_step,
        COUNT(*) AS num_rows,
        AVG(s.loss) FILTER (WHERE 4 * (s.step - b.first_step) <= b.last_step - b.first_step) AS early_loss,
        AVG(s.loss) FILTER (WHERE 4 * (b.last_step - s.step) <= b.last_step - b.first_step) AS late_loss,
        AVG(s.cross_entropy) FILTER (WHERE 4 * (s.step - b.first_step) <= b.last_step - b.first_step) AS early_entropy,
        AVG(s.cross_entropy) FILTER (WHERE 4 * (b.last_step - s.step) <= b.last_step - b.first_step) AS late_entropy
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    WHERE s.run = :run AND s.loss IS NOT NULL AND s.cross_entropy IS NOT NULL
)
SELECT first_step AS step, 'a tenth or more' AS subject, late_entropy AS observed, early_entropy AS threshold
FROM means
WHERE
    num_rows >= :min_rows
    AND early_loss > 0
    AND late_loss > 0
    AND late_loss < (1 - :fall) * early_loss
    AND late_entropy > (1 + :rise) * early_entropy
