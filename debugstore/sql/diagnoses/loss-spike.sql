-- title: The loss jumps far above its recent mean
-- severity: warning
-- stage: symptom
-- moment: step
-- needs: steps.loss
-- explains: loss-diverging, gradient-spike
-- message: the loss jumps to {observed} at step {first_step}, {threshold} would still be noise
-- param: recent_rows = 20   -- logged steps in the mean: enough to be steady, few enough to follow the training
-- param: min_rows = 8       -- logged steps of them without which there is no mean
-- param: ratio = 2.0        -- loss / recent mean from which on a step counts
-- param: deviations = 6.0   -- standard deviations above the recent mean that no noise of batches reaches
-- param: start_ratio = 2.0  -- loss / loss at the start: a single batch above that is no hard batch
-- why: A spike that does not recover is the beginning of divergence; one that does has cost the steps until then.
-- remedy: Look at the batch of that step, then lower the learning rate or clip: `debugstore show RUN --around {first_step}`.
-- silent-on: the first steps, single hard batches of a small-batch run, restarts of the learning rate
-- evidence: SELECT step, loss, learning_rate, batch_fingerprint FROM current_steps WHERE run = :run AND step BETWEEN :first_step - 100 AND :first_step + 100 ORDER BY step
WITH logged AS (
    SELECT
        step,
        rank,
        loss,
        learning_rate,
        LAG(learning_rate) OVER in_order AS rate_before,
        LEAD(loss) OVER in_order AS next_loss,
        LEAD(loss, 2) OVER in_order AS second_loss,
        AVG(loss) OVER recent AS mean_loss,
        AVG(loss * loss) OVER recent AS mean_square,
        COUNT(loss) OVER recent AS num_recent
    FROM current_steps
    WHERE run = :run AND loss IS NOT NULL
    WINDOW
        in_order AS (PARTITION BY rank ORDER BY step, segment, seq),
        recent AS (PARTITION BY rank ORDER BY step, segment, seq ROWS BETWEEN :recent_rows PRECEDING AND 1 PRECEDING)
),
start AS (
    SELECT rank, AVG(loss) AS start_loss FROM logged WHERE num_recent < 3 GROUP BY rank
),
jumped AS (
    SELECT
        l.step,
        l.loss,
        s.start_loss,
        l.next_loss,
        l.second_loss,
        l.mean_loss + (:ratio - 1) * ABS(l.mean_loss) AS limit_loss
    FROM logged AS l
    INNER JOIN start AS s ON l.rank = s.rank
    WHERE
        l.num_recent >= :min_rows
        AND l.loss > l.mean_loss + (:ratio - 1) * ABS(l.mean_loss)
        AND (l.loss - l.mean_loss) * (l.loss - l.mean_loss)
        > :deviations * :deviations * (l.mean_square - l.mean_loss * l.mean_loss)
        AND COALESCE(l.learning_rate, 0) <= 1.5 * COALESCE(l.rate_before, l.learning_rate, 0)
)
SELECT step, 'loss' AS subject, loss AS observed, limit_loss AS threshold
FROM jumped
WHERE
    (
        loss > :start_ratio * ABS(start_loss)
        OR (loss > 0.5 * start_loss AND next_loss > limit_loss AND second_loss > limit_loss)
    )
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
ORDER BY loss DESC
