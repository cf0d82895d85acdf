-- title: The run ended worse than guessing
-- severity: warning
-- stage: symptom
-- confidence: certain
-- needs: steps.label_entropy | steps.label_variance, fit_ends.status, fit_starts.total_steps
-- message: the median {subject} of the last quarter is {observed}; the labels' own frequencies or mean give {threshold}
-- param: min_rows = 12  -- logged steps below which a median is guesswork
-- param: above = 1.3    -- loss / that of guessing; whoever learned anything is below 1
-- param: done = 0.95    -- of the planned steps; a run cut short may still be on its way
-- why: All planned steps are done, and an answer that never looks at the inputs would be better.
-- remedy: Try to overfit one batch; if that works, raise the number of steps or the learning rate.
-- silent-on: runs stopped early, runs without a planned length, losses that are neither cross entropy nor squared error
-- evidence: SELECT step, loss, cross_entropy, label_entropy, label_variance FROM current_steps WHERE run = :run ORDER BY step DESC LIMIT 20
WITH classes AS (
    SELECT MAX(num_classes) AS num_classes FROM fit_starts WHERE run = :run
),
errors AS (
    SELECT
        s.step,
        CASE
            -- of probabilities, whose logarithm the loss takes, the cross entropy says nothing
            WHEN
                EXISTS (
                    SELECT 1 FROM current_steps AS p
                    WHERE p.run = :run AND p.row_sum_error < 1e-3 AND p.output_min >= 0
                )
                THEN s.loss
            ELSE COALESCE(s.cross_entropy, s.mean_squared_error, s.loss)
        END AS loss,
        CASE
            WHEN s.cross_entropy IS NULL THEN s.label_variance
            -- a batch of n labels shows less than the entropy of C classes by (C - 1) / 2n in the mean (Miller and Madow)
            ELSE s.label_entropy + COALESCE((c.num_classes - 1) / (2.0 * NULLIF(s.num_valid_tokens, 0)), 0)
        END AS guessing_loss,
        s.cross_entropy
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    CROSS JOIN classes AS c
    WHERE
        s.run = :run
        AND s.loss IS NOT NULL
        AND (s.label_entropy IS NOT NULL OR s.label_variance IS NOT NULL)
        AND b.num_steps >= :min_rows
        AND 4 * (b.last_step - s.step) <= b.last_step - b.first_step
),
late AS (
    SELECT errors.*, ROW_NUMBER() OVER (ORDER BY loss) AS by_loss, COUNT(*) OVER () AS num_rows FROM errors
),
medians AS (
    SELECT
        MIN(step) AS first_step,
        AVG(loss) FILTER (WHERE by_loss IN ((num_rows + 1) / 2, (num_rows + 2) / 2)) AS late_loss,
        AVG(guessing_loss) AS guessing_loss,
        COUNT(cross_entropy) AS num_entropies
    FROM late
)
SELECT
    m.first_step AS step,
    CASE WHEN m.num_entropies > 0 THEN 'cross entropy' ELSE 'loss' END AS subject,
    m.late_loss AS observed,
    m.guessing_loss AS threshold
FROM medians AS m
WHERE
    m.guessing_loss > 0.05
    AND m.late_loss > :above * m.guessing_loss
    AND (
        m.num_entropies > 0
        OR EXISTS (
            SELECT 1 FROM current_wiring AS w
            WHERE w.run = :run AND (w.loss_function LIKE 'Mse%' OR w.loss_function LIKE 'Mean%')
        )
    )
    AND EXISTS (
        SELECT 1 FROM current_fit_ends AS e
        INNER JOIN fit_starts AS f ON e.run = f.run AND e.segment = f.segment
        WHERE e.run = :run AND e.status = 'completed' AND e.step >= :done * f.total_steps - 1
    )
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
