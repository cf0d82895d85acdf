-- title: The first logged steps against the last
-- param: since_step = 0  -- first step that counts
-- param: rows = 10       -- logged steps on each side
WITH
logged AS (
    SELECT
        step,
        loss,
        accuracy,
        ROW_NUMBER() OVER (ORDER BY step, segment, seq) AS place,
        COUNT(*) OVER () AS num_rows,
        ROW_NUMBER() OVER (ORDER BY loss IS NULL, loss, step) AS by_loss
    FROM current_steps
    WHERE run = :run AND step >= :since_step AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
),
sided AS (
    SELECT
        logged.*,
        CASE
            WHEN place <= :rows AND 2 * place <= num_rows + 1 THEN 'first'
            WHEN num_rows - place < :rows AND 2 * place > num_rows THEN 'last'
        END AS side
    FROM logged
)
SELECT
    COUNT(*) FILTER (WHERE side = 'first') AS num_first,
    COUNT(*) FILTER (WHERE side = 'last') AS num_last,
    COUNT(loss) AS num_losses,
    AVG(loss) FILTER (WHERE side = 'first') AS loss_first,
    AVG(loss) FILTER (WHERE side = 'last') AS loss_last,
    COUNT(*) FILTER (WHERE side = 'last' AND loss IS NULL) AS num_last_without_loss,
    MIN(loss) AS loss_best,
    MIN(step) FILTER (WHERE by_loss = 1 AND loss IS NOT NULL) AS loss_best_step,
    AVG(accuracy) FILTER (WHERE side = 'first') AS accuracy_first,
    AVG(accuracy) FILTER (WHERE side = 'last') AS accuracy_last,
    MAX(accuracy) AS accuracy_best
FROM sided
