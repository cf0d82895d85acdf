-- title: The model answers every sample alike: the inputs tell it nothing
-- severity: warning
-- stage: prior
-- confidence: likely
-- needs: steps.loss
-- explains: loss-flat, accuracy-flat, majority-class-only, overfitting
-- message: the loss has settled at {observed}; answering with the labels' own frequencies or mean costs {threshold}
-- param: min_rows = 16     -- logged steps below which the run may still be on its way
-- param: few_rows = 10     -- the same where most of the planned steps are done
-- param: below = 0.93      -- loss / that of guessing; who has learned anything from the inputs is lower
-- param: memorized = 0.75  -- the same where validation shows that what was learned is the training set by heart
-- param: done = 0.75       -- of the planned steps; before, learning by heart may be the way to understanding
-- param: above = 1.3       -- loss / that of guessing; higher is no guessing but a fault of another kind
-- param: falling = 0.02    -- share of the loss that still goes from the third quarter to the last; twice it if it may be noise
-- param: entropy = 0.05   -- nats of the labels below which there is next to nothing to learn
-- param: balanced = 0.9   -- share of the most frequent label; above it the imbalance is the nearer cause
-- param: patience = 1000  -- steps for which it is a note, unless explained, where inputs do tell of labels: a plateau
-- param: surely = 9        -- squared standard errors from which on they do: three of them
-- param: gain = 0.05       -- accuracy above that of always naming the most frequent label
-- why: Labels shuffled against the inputs, inputs without content or a dead path to them all end here.
-- remedy: Look at inputs and labels side by side as the model gets them, then try to overfit one batch.
-- silent-on: runs that are still falling, warm-up, labels nearly all of one class, losses that are neither cross entropy nor squared error
-- evidence: SELECT step, loss, accuracy, label_entropy, label_variance FROM current_steps WHERE run = :run ORDER BY step DESC LIMIT 20
WITH settings AS (
    SELECT
        MAX(f.num_classes) AS num_classes,
        MAX(f.total_steps) AS total_steps,
        (
            SELECT COUNT(*) FROM current_wiring AS w
            WHERE w.run = :run AND (w.loss_function LIKE 'Mse%' OR w.loss_function LIKE 'Mean%')
        ) AS squares,
        (
            -- of n samples the variance is too small by one in n; a sample has as many labels as outputs
            SELECT
                AVG(v.label_variance * v.num_valid_tokens / NULLIF(v.num_valid_tokens - COALESCE(v.output_width, 1), 0))
            FROM current_steps AS v
            WHERE v.run = :run
        ) AS label_variance
    FROM fit_starts AS f
    WHERE f.run = :run
),
guessed AS (
    SELECT
        s.step,
        s.loss,
        s.accuracy,
        s.learning_rate,
        s.label_majority_share,
        CASE WHEN s.cross_entropy IS NULL THEN 0.0 ELSE :entropy END AS least_loss,
        CASE
            -- a batch of n labels shows less than the entropy of C classes by (C - 1) / 2n in the mean (Miller and Madow)
            WHEN s.cross_entropy IS NOT NULL
                THEN s.label_entropy + COALESCE((c.num_classes - 1) / (2.0 * NULLIF(s.num_valid_tokens, 0)), 0)
            -- few labels show a variance that varies; the mean of many batches does not
            WHEN c.squares > 0 AND s.num_valid_tokens >= 16 * COALESCE(s.output_width, 1) THEN s.label_variance
            WHEN c.squares > 0 THEN c.label_variance
        END AS guessing_loss,
        CASE
            WHEN 4 * (b.last_step - s.step) <= b.last_step - b.first_step THEN 4
            WHEN 4 * (b.last_step - s.step) <= 2 * (b.last_step - b.first_step) THEN 3
            ELSE 1
        END AS fourth
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    CROSS JOIN settings AS c
    WHERE s.run = :run AND s.loss IS NOT NULL
),
ranked AS (
    SELECT
        fourth,
        loss / guessing_loss AS ratio,
        AVG(loss / guessing_loss) OVER (PARTITION BY fourth) AS mean_ratio,
        ROW_NUMBER() OVER (PARTITION BY fourth ORDER BY loss / guessing_loss) AS by_ratio,
        COUNT(*) OVER (PARTITION BY fourth) AS num_part
    FROM guessed
    WHERE fourth >= 3 AND guessing_loss > least_loss
),
medians AS (
    SELECT
        AVG(ratio) FILTER (WHERE fourth = 3 AND by_ratio IN ((num_part + 1) / 2, (num_part + 2) / 2)) AS third_ratio,
        AVG(ratio) FILTER (WHERE fourth = 4 AND by_ratio IN ((num_part + 1) / 2, (num_part + 2) / 2)) AS late_ratio,
        MAX(num_part) FILTER (WHERE fourth = 3) AS num_third,
        MAX(num_part) FILTER (WHERE fourth = 4) AS num_late,
        -- of normal noise: mean distance from the mean = 0.798 deviations, error of a median = 1.2533 deviations / sqrt(n)
        AVG(ABS(ratio - mean_ratio)) / 0.798 * 1.2533 AS deviation
    FROM ranked
),
run_wide AS (
    SELECT
        MIN(step) AS first_step,
        MAX(step) AS last_step,
        COUNT(*) AS num_rows,
        AVG(accuracy) FILTER (WHERE fourth = 4) AS late_accuracy,
        AVG(label_majority_share) AS majority_share,
        AVG(guessing_loss) AS guessing_loss,
        MAX(learning_rate) FILTER (WHERE fourth = 4) AS late_rate,
        MAX(learning_rate) FILTER (WHERE fourth <> 4) AS rate_before
    FROM guessed
    WHERE guessing_loss > least_loss
),
informed AS (
    SELECT
        COUNT(*) AS num_rows,
        AVG(label_input_dependence) AS mean,
        AVG(label_input_dependence * label_input_dependence) AS square
    FROM current_steps
    WHERE run = :run AND label_input_dependence IS NOT NULL
),
validated AS (
    -- a class that is named always may be frequent in one validation by chance
    SELECT COUNT(*) AS num_rows, MIN(loss) AS best_loss, AVG(accuracy) AS mean_accuracy
    FROM current_validations
    WHERE run = :run AND loss IS NOT NULL
),
settled AS (
    SELECT
        r.first_step,
        r.last_step,
        m.late_ratio * r.guessing_loss AS late_loss,
        r.guessing_loss,
        CASE
            WHEN
                r.last_step < :patience
                AND i.mean > 0
                AND i.num_rows * i.mean * i.mean > :surely * (i.square - i.mean * i.mean)
                THEN 'note'
        END AS alone
    FROM medians AS m
    CROSS JOIN run_wide AS r
    CROSS JOIN validated AS v
    CROSS JOIN settings AS c
    CROSS JOIN informed AS i
    WHERE
        (r.num_rows >= :min_rows OR (r.num_rows >= :few_rows AND r.last_step >= :done * c.total_steps))
        AND m.late_ratio < :above
        AND COALESCE(r.majority_share, 0) < :balanced
        AND (
            (
                m.late_ratio > :below
                AND (
                    m.third_ratio - m.late_ratio < :falling * m.third_ratio
                    OR (
                        r.last_step >= :done * c.total_steps
                        AND m.third_ratio - m.late_ratio < 2 * :falling * m.third_ratio
                        AND (m.third_ratio - m.late_ratio) * (m.third_ratio - m.late_ratio)
                        < 4 * m.deviation * m.deviation * (1.0 / m.num_third + 1.0 / m.num_late)
                    )
                )
                AND (r.late_accuracy IS NULL OR r.late_accuracy < r.majority_share + :gain)
            )
            OR (
                m.late_ratio > :memorized
                AND v.num_rows >= 2
                AND r.last_step >= :done * COALESCE(c.total_steps, 0)
                AND v.best_loss > :below * r.guessing_loss
                AND (v.mean_accuracy IS NULL OR v.mean_accuracy < r.majority_share + :gain)
            )
        )
        AND COALESCE(r.late_rate, 0) <= 1.001 * COALESCE(r.rate_before, r.late_rate, 0)
        AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
)
SELECT first_step AS step, 'loss' AS subject, late_loss AS observed, guessing_loss AS threshold, alone FROM settled
UNION ALL
SELECT last_step AS step, 'loss' AS subject, late_loss AS observed, guessing_loss AS threshold, alone FROM settled
