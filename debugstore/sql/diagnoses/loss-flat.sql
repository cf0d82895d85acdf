-- title: The loss does not fall
-- severity: warning
-- stage: symptom
-- needs: steps.loss
-- explains: accuracy-flat
-- message: the median loss of the last quarter is {observed}, that of the first was {threshold}
-- param: min_rows = 12       -- logged losses below which a trend is guesswork
-- param: improvement = 0.01  -- share of the loss that has to go; less is not learning on any task worth a run
-- param: noise = 9.0         -- squared standard errors of a difference of medians: three of them, one in 400 by chance
-- param: learned = 0.7       -- loss / loss of guessing by frequency: below it the model has learned already
-- param: accurate = 0.8      -- accuracy from which on a flat loss is a converged one
-- why: Between its first and its last quarter the run has gained nothing that stands out from the noise of its batches.
-- remedy: Try to overfit one batch: if the loss stays, the fault is in the loop or the model; if it falls, in data or learning rate.
-- silent-on: warm-up still under way, converged runs, several optimizers against each other (a GAN)
-- evidence: SELECT step, loss, accuracy, learning_rate FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        step,
        loss,
        accuracy,
        learning_rate,
        label_entropy,
        label_variance,
        ROW_NUMBER() OVER in_order AS place,
        COUNT(*) OVER () AS num_rows,
        NTILE(4) OVER in_order AS quarter,
        loss - LAG(loss) OVER in_order AS change
    FROM current_steps
    WHERE run = :run AND loss IS NOT NULL AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
    WINDOW in_order AS (ORDER BY step, segment, seq)
),
parts AS (
    SELECT CASE quarter WHEN 1 THEN 'early' ELSE 'late' END AS part, logged.* FROM logged WHERE quarter IN (1, 4)
    UNION ALL
    SELECT 'start' AS part, logged.* FROM logged WHERE place <= 5
),
ranked AS (
    SELECT
        parts.*,
        ROW_NUMBER() OVER (PARTITION BY part ORDER BY loss) AS by_loss,
        COUNT(*) OVER (PARTITION BY part) AS num_part
    FROM parts
),
medians AS (
    SELECT
        AVG(loss) FILTER (WHERE part = 'start' AND by_loss IN ((num_part + 1) / 2, (num_part + 2) / 2)) AS start_loss,
        AVG(loss) FILTER (WHERE part = 'early' AND by_loss IN ((num_part + 1) / 2, (num_part + 2) / 2)) AS early_loss,
        AVG(loss) FILTER (WHERE part = 'late' AND by_loss IN ((num_part + 1) / 2, (num_part + 2) / 2)) AS late_loss,
        AVG(accuracy) FILTER (WHERE part = 'late') AS late_accuracy,
        COUNT(*) FILTER (WHERE part = 'late') AS num_late,
        -- successive differences of pure noise are 1.128 of its deviation in the mean; a median's error is 1.2533 / sqrt(n)
        AVG(ABS(change)) FILTER (WHERE part <> 'start') / 1.128 * 1.2533 AS deviation
    FROM ranked
),
run_wide AS (
    SELECT
        MIN(step) AS first_step,
        MAX(step) AS last_step,
        MAX(num_rows) AS num_rows,
        COALESCE(AVG(label_entropy), AVG(label_variance)) AS guessing_loss,
        MAX(learning_rate) FILTER (WHERE 10 * place > 9 * num_rows) AS rate_at_end,
        MAX(learning_rate) FILTER (WHERE 10 * place <= 9 * num_rows) AS rate_before
    FROM logged
),
ends AS (
    SELECT first_step AS step FROM run_wide
    UNION
    SELECT last_step AS step FROM run_wide
)
SELECT e.step, 'loss' AS subject, m.late_loss AS observed, m.early_loss AS threshold
FROM ends AS e
CROSS JOIN run_wide AS r
CROSS JOIN medians AS m
WHERE
    r.num_rows >= :min_rows
    AND (
        m.start_loss - m.late_loss <= :improvement * ABS(m.start_loss)
        OR (m.start_loss - m.late_loss) * (m.start_loss - m.late_loss)
        <= :noise * m.deviation * m.deviation * (1.0 / 5 + 1.0 / m.num_late)
    )
    AND (
        m.early_loss - m.late_loss <= :improvement * ABS(m.early_loss)
        OR (m.early_loss - m.late_loss) * (m.early_loss - m.late_loss)
        <= :noise * m.deviation * m.deviation * (2.0 / m.num_late)
    )
    AND (r.guessing_loss IS NULL OR m.late_loss > :learned * r.guessing_loss)
    AND COALESCE(m.late_accuracy, 0) < :accurate
    AND COALESCE(r.rate_at_end, 0) <= 1.001 * COALESCE(r.rate_before, r.rate_at_end, 0)
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
ORDER BY e.step
