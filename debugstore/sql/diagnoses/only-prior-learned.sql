-- title: The model answers every sample alike: the inputs tell it nothing
-- severity: warning
-- stage: prior
-- confidence: likely
-- needs: steps.loss
-- explains: loss-flat, accuracy-flat, majority-class-only, overfitting
-- message: the loss has settled at {observed}; answering with the labels' own frequencies or mean costs {threshold}
-- param: min_rows = 30     -- logged steps below which the run may still be on its way
-- param: below = 0.93      -- loss / that of guessing; who has learned anything from the inputs is lower
-- param: above = 1.3       -- loss / that of guessing; higher is no guessing but a fault of another kind
-- param: falling = 0.02    -- share of the loss that still goes from the third quarter to the last
-- param: gain = 0.05       -- accuracy above that of always naming the most frequent label
-- why: Labels shuffled against the inputs, inputs without content or a dead path to them all end here.
-- remedy: Look at inputs and labels side by side as the model gets them, then try to overfit one batch.
-- silent-on: runs that are still falling, warm-up, losses that are neither cross entropy nor squared error
-- evidence: SELECT step, loss, accuracy, label_entropy, label_variance FROM current_steps WHERE run = :run ORDER BY step DESC LIMIT 20
WITH logged AS (
    SELECT
        step,
        loss,
        accuracy,
        learning_rate,
        label_entropy,
        label_variance,
        label_majority_share,
        cross_entropy,
        num_valid_tokens,
        ROW_NUMBER() OVER in_order AS place,
        COUNT(*) OVER () AS num_rows,
        NTILE(4) OVER in_order AS quarter
    FROM current_steps
    WHERE run = :run AND loss IS NOT NULL AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
    WINDOW in_order AS (ORDER BY step, segment, seq)
),
ranked AS (
    SELECT
        logged.*,
        ROW_NUMBER() OVER (PARTITION BY quarter ORDER BY loss) AS by_loss,
        COUNT(*) OVER (PARTITION BY quarter) AS num_part
    FROM logged
),
run_wide AS (
    SELECT
        MIN(step) AS first_step,
        MAX(step) AS last_step,
        MAX(num_rows) AS num_rows,
        AVG(loss) FILTER (WHERE quarter = 3 AND by_loss IN ((num_part + 1) / 2, (num_part + 2) / 2)) AS third_loss,
        AVG(loss) FILTER (WHERE quarter = 4 AND by_loss IN ((num_part + 1) / 2, (num_part + 2) / 2)) AS late_loss,
        AVG(accuracy) FILTER (WHERE quarter = 4) AS late_accuracy,
        AVG(label_majority_share) AS majority_share,
        AVG(label_variance) AS label_variance,
        AVG(label_entropy) AS label_entropy,
        AVG(cross_entropy) AS cross_entropy,
        AVG(num_valid_tokens) AS num_labels,
        MAX(learning_rate) FILTER (WHERE 10 * place > 9 * num_rows) AS rate_at_end,
        MAX(learning_rate) FILTER (WHERE 10 * place <= 9 * num_rows) AS rate_before
    FROM ranked
),
guessing AS (
    SELECT
        r.*,
        CASE
            -- a batch of n labels shows less than the entropy of C classes by (C - 1) / 2n in the mean (Miller and Madow)
            WHEN r.cross_entropy IS NOT NULL THEN r.label_entropy + COALESCE(
                ((SELECT MAX(f.num_classes) FROM fit_starts AS f WHERE f.run = :run) - 1) / (2.0 * NULLIF(r.num_labels, 0)), 0
            )
            WHEN EXISTS (
                SELECT 1 FROM current_wiring AS w WHERE w.run = :run AND w.loss_function LIKE 'Mse%'
            ) THEN r.label_variance
        END AS guessing_loss
    FROM run_wide AS r
),
ends AS (
    SELECT first_step AS step FROM run_wide
    UNION
    SELECT last_step AS step FROM run_wide
)
SELECT e.step, 'loss' AS subject, g.late_loss AS observed, g.guessing_loss AS threshold
FROM ends AS e
CROSS JOIN guessing AS g
WHERE
    g.num_rows >= :min_rows
    AND g.late_loss > :below * g.guessing_loss
    AND g.late_loss < :above * g.guessing_loss
    AND g.guessing_loss > 0.05
    AND g.third_loss - g.late_loss < :falling * g.third_loss
    AND (g.late_accuracy IS NULL OR g.late_accuracy < g.majority_share + :gain)
    AND COALESCE(g.rate_at_end, 0) <= 1.001 * COALESCE(g.rate_before, g.rate_at_end, 0)
    AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
ORDER BY e.step
