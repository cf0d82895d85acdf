-- title: Validation gets worse while training gets better
-- severity: note
-- stage: generalization
-- confidence: likely
-- needs: validations.loss, steps.loss
-- message: the validation loss is {observed}, its best was {threshold}
-- param: rise = 0.1   -- share of the best validation loss that was added since
-- param: fall = 0.1   -- share of the training loss that has gone since the start
-- param: rows = 2     -- validations
-- why: What is learned from now on is the training set by heart.
-- remedy: Keep the checkpoint of the best validation; add data, augmentation, dropout or weight decay.
-- evidence: SELECT step, loss, accuracy FROM current_validations WHERE run = :run ORDER BY step DESC LIMIT 20
WITH validated AS (
    SELECT
        step,
        loss,
        ROW_NUMBER() OVER (ORDER BY loss, step) AS by_loss,
        ROW_NUMBER() OVER (ORDER BY step DESC, segment DESC, seq DESC) AS from_last,
        COUNT(*) OVER () AS num_rows
    FROM current_validations
    WHERE run = :run AND loss IS NOT NULL
),
trained AS (
    SELECT
        loss,
        NTILE(4) OVER (ORDER BY step, segment, seq) AS fourth
    FROM current_steps
    WHERE run = :run AND loss IS NOT NULL
),
means AS (
    SELECT
        AVG(loss) FILTER (WHERE fourth = 1) AS early_loss,
        AVG(loss) FILTER (WHERE fourth = 4) AS late_loss
    FROM trained
)
SELECT best.step, 'validation loss' AS subject, latest.loss AS observed, best.loss AS threshold
FROM validated AS best
INNER JOIN validated AS latest ON latest.from_last = 1
CROSS JOIN means AS m
WHERE
    best.by_loss = 1
    AND best.num_rows >= :rows
    AND latest.loss - best.loss > :rise * ABS(best.loss)
    AND m.late_loss < m.early_loss - :fall * ABS(m.early_loss)
