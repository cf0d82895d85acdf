-- title: The loss falls while the plain cross entropy does not
-- severity: warning
-- stage: loss
-- confidence: possible
-- needs: steps.loss, steps.cross_entropy
-- explains: not-learning, unstable, overfitting
-- message: the loss fell by {subject} while the plain cross entropy of the same outputs went to {observed} from {threshold}
-- param: min_rows = 12  -- logged steps below which a trend is guesswork
-- param: fall = 0.1     -- share of the loss that has gone
-- param: rise = 0.05    -- share of the cross entropy that was added
-- param: half = 0.5     -- loss / first loss, and / cross entropy, from which on they part where that is worse than guessing
-- why: What is minimised is something else: class weights or a penalty outweigh what the labels say.
-- remedy: Look at the terms one by one; scale weights to a mean of 1: `weight = counts.sum() / (num_classes * counts)`.
-- silent-on: label smoothing and distillation, under which the plain cross entropy falls too; probabilities for outputs
-- evidence: SELECT step, loss, cross_entropy, accuracy FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH fourth AS (
    SELECT s.loss, s.cross_entropy, s.label_entropy
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    WHERE
        s.run = :run
        AND s.loss IS NOT NULL
        AND s.cross_entropy IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM current_steps AS p WHERE p.run = :run AND p.row_sum_error < 1e-3 AND p.output_min >= 0
        )
        AND b.num_steps >= :min_rows
        AND 4 * (b.last_step - s.step) <= b.last_step - b.first_step
),
ranked AS (
    SELECT
        loss,
        cross_entropy,
        label_entropy,
        ROW_NUMBER() OVER (ORDER BY loss) AS by_loss,
        ROW_NUMBER() OVER (ORDER BY cross_entropy) AS by_entropy,
        COUNT(*) OVER () AS num_rows
    FROM fourth
),
late AS (
    SELECT
        AVG(loss) FILTER (WHERE by_loss IN ((num_rows + 1) / 2, (num_rows + 2) / 2)) AS loss,
        AVG(cross_entropy) FILTER (WHERE by_entropy IN ((num_rows + 1) / 2, (num_rows + 2) / 2)) AS cross_entropy,
        AVG(label_entropy) AS guessing_loss
    FROM ranked
),
start AS (
    SELECT MIN(f.step) AS step, AVG(f.loss) AS loss, AVG(f.cross_entropy) AS cross_entropy
    FROM (
        SELECT s.step, s.loss, s.cross_entropy
        FROM current_steps AS s
        WHERE s.run = :run AND s.loss IS NOT NULL AND s.cross_entropy IS NOT NULL
        ORDER BY s.step LIMIT 5
    ) AS f
)
SELECT s.step, 'a tenth or more' AS subject, l.cross_entropy AS observed, s.cross_entropy AS threshold
FROM start AS s
CROSS JOIN late AS l
WHERE
    s.loss > 0
    AND l.loss > 0
    AND (
        (l.loss < (1 - :fall) * s.loss AND l.cross_entropy > (1 + :rise) * s.cross_entropy)
        OR (l.loss < :half * s.loss AND l.loss < :half * l.cross_entropy AND l.cross_entropy > l.guessing_loss)
    )
