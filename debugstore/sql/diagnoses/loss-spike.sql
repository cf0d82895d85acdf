-- title: The loss jumps far above its recent mean
-- severity: warning
-- stage: symptom
-- moment: step
-- needs: steps.loss
-- explains: loss-diverging, gradient-spike, exploding-gradients
-- message: the loss jumps to {observed} at step {first_step}, {threshold} would still be noise
-- param: recent_rows = 10   -- logged steps in the mean: enough to be steady, few enough to follow the training
-- param: min_rows = 8       -- logged steps of them without which there is no mean
-- param: ratio = 2.0        -- loss / recent mean from which on a step counts
-- param: deviations = 6.0   -- standard deviations above the recent mean that no noise of batches reaches
-- param: explosion = 10.0    -- loss / first loss, and / loss of guessing: no way down leads that far up
-- param: harmless = 0.1    -- loss / loss of guessing; below it the model is right nearly always, spike or not
-- param: start_ratio = 2.0  -- loss / loss at the start: a single batch above that is no hard batch
-- why: A spike that does not recover is the beginning of divergence; one that does has cost the steps until then.
-- remedy: Look at the batch of that step, then lower the learning rate or clip: `debugstore show RUN --around {first_step}`.
-- silent-on: the first steps but for explosions, losses near zero, single hard batches of a small-batch run, restarts of the learning rate
-- evidence: SELECT step, loss, learning_rate, batch_fingerprint FROM current_steps WHERE run = :run AND step BETWEEN :first_step - 100 AND :first_step + 100 ORDER BY step
WITH logged AS (
    -- within a segment, in the order its rows are kept in: nothing has to be sorted
    SELECT
        segment,
        seq,
        rank,
        step,
        loss,
        AVG(loss) OVER recent AS mean_loss,
        AVG(loss * loss) OVER recent AS mean_square,
        COUNT(loss) OVER recent AS num_recent
    FROM current_steps
    WHERE run = :run AND loss IS NOT NULL
    WINDOW recent AS (PARTITION BY segment ORDER BY seq ROWS BETWEEN :recent_rows PRECEDING AND 1 PRECEDING)
),
jumped AS (
    SELECT
        segment,
        seq,
        rank,
        step,
        loss,
        mean_loss + (:ratio - 1) * ABS(mean_loss) AS limit_loss
    FROM logged
    WHERE
        num_recent >= :min_rows
        AND loss > mean_loss + (:ratio - 1) * ABS(mean_loss)
        AND (loss - mean_loss) * (loss - mean_loss) > :deviations * :deviations * (mean_square - mean_loss * mean_loss)
),
around AS (
    SELECT
        j.rank,
        j.step,
        j.loss,
        j.limit_loss,
        (
            SELECT AVG(f.loss)
            FROM (
                SELECT s.loss FROM steps AS s
                WHERE s.run = :run AND s.segment = j.segment AND s.loss IS NOT NULL
                ORDER BY s.seq LIMIT 3
            ) AS f
        ) AS start_loss,
        (
            SELECT MIN(n.loss)
            FROM (
                SELECT s.loss FROM steps AS s
                WHERE s.run = :run AND s.segment = j.segment AND s.seq > j.seq AND s.loss IS NOT NULL
                ORDER BY s.seq LIMIT 2
            ) AS n
        ) AS next_loss,
        (
            SELECT s.learning_rate FROM steps AS s
            WHERE s.run = :run AND s.segment = j.segment AND s.seq = j.seq
        ) AS rate,
        (
            SELECT s.learning_rate FROM steps AS s
            WHERE s.run = :run AND s.segment = j.segment AND s.seq < j.seq
            ORDER BY s.seq DESC LIMIT 1
        ) AS rate_before
    FROM jumped AS j
),
opening AS (
    SELECT s.loss, CASE WHEN s.cross_entropy IS NULL THEN s.label_variance ELSE s.label_entropy END AS guessing_loss
    FROM current_steps AS s
    WHERE s.run = :run AND s.loss IS NOT NULL
    ORDER BY s.step, s.segment, s.seq LIMIT 1
),
exploded AS (
    SELECT
        s.rank,
        s.step,
        s.loss,
        :explosion * CASE WHEN b.guessing_loss > b.loss THEN b.guessing_loss ELSE b.loss END AS limit_loss
    FROM current_steps AS s
    CROSS JOIN opening AS b
    WHERE
        s.run = :run
        AND b.loss > 0
        AND s.loss > :explosion * b.loss
        AND s.loss > :explosion * COALESCE(b.guessing_loss, 0)
)
SELECT step, 'loss' AS subject, loss AS observed, limit_loss AS threshold, rank
FROM around
WHERE
    loss > :harmless * COALESCE((SELECT b.guessing_loss FROM opening AS b), 0)
    AND (loss > :start_ratio * ABS(start_loss) OR (loss > 0.5 * start_loss AND next_loss > limit_loss))
    AND COALESCE(rate, 0) <= 1.5 * COALESCE(rate_before, rate, 0)
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
UNION
SELECT step, 'loss' AS subject, loss AS observed, limit_loss AS threshold, rank
FROM exploded
WHERE NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
ORDER BY observed DESC, step ASC, rank ASC
