-- title: The loss does not fall
-- severity: warning
-- stage: symptom
-- needs: steps.loss
-- explains: accuracy-flat
-- message: the median loss of the last quarter is {observed}, that of the first was {threshold}
-- param: min_rows = 12       -- logged losses below which a trend is guesswork
-- param: min_labels = 256    -- labels seen in all below which no model has learned yet
-- param: improvement = 0.01  -- share of the loss that has to go; less is not learning on any task worth a run
-- param: clear = 0.1         -- share of the loss whose going is learning, however noisy the batches
-- param: noise = 9.0         -- squared standard errors of a difference of medians: three of them, one in 400 by chance
-- param: learned = 0.93      -- error / that of guessing by frequency or mean: below it the model has learned, here or in a pretraining
-- param: accurate = 0.8      -- accuracy from which on a flat loss is a converged one
-- why: Between its first and its last quarter the run has gained nothing that stands out from the noise of its batches.
-- remedy: Try to overfit one batch: if the loss stays, the fault is in the loop or the model; if it falls, in data or learning rate.
-- silent-on: warm-up still under way, converged runs, pretrained models, several optimizers against each other (a GAN), losses below zero
-- evidence: SELECT step, loss, accuracy, learning_rate FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH fourths AS (
    SELECT
        s.step,
        s.loss,
        CASE
            WHEN 4 * (s.step - b.first_step) <= b.last_step - b.first_step THEN 1
            WHEN 4 * (b.last_step - s.step) <= b.last_step - b.first_step THEN 4
        END AS fourth
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    WHERE
        s.run = :run
        AND s.loss IS NOT NULL
        AND (
            4 * (s.step - b.first_step) <= b.last_step - b.first_step
            OR 4 * (b.last_step - s.step) <= b.last_step - b.first_step
        )
),
ranked AS (
    SELECT
        fourth,
        loss,
        AVG(loss) OVER (PARTITION BY fourth) AS mean_loss,
        ROW_NUMBER() OVER (PARTITION BY fourth ORDER BY loss) AS by_loss,
        COUNT(*) OVER (PARTITION BY fourth) AS num_part
    FROM fourths
),
medians AS (
    SELECT
        AVG(loss) FILTER (WHERE fourth = 1 AND by_loss IN ((num_part + 1) / 2, (num_part + 2) / 2)) AS early_loss,
        AVG(loss) FILTER (WHERE fourth = 4 AND by_loss IN ((num_part + 1) / 2, (num_part + 2) / 2)) AS late_loss,
        MAX(num_part) FILTER (WHERE fourth = 1) AS num_early,
        MAX(num_part) FILTER (WHERE fourth = 4) AS num_late,
        -- of normal noise: mean distance from the mean = 0.798 deviations, error of a median = 1.2533 deviations / sqrt(n)
        AVG(ABS(loss - mean_loss)) / 0.798 * 1.2533 AS deviation
    FROM ranked
),
start AS (
    SELECT AVG(s.loss) AS start_loss, COUNT(*) AS num_start
    FROM (SELECT f.loss FROM fourths AS f ORDER BY f.step LIMIT 5) AS s
),
run_wide AS (
    SELECT
        MIN(s.step) AS first_step,
        MAX(s.step) AS last_step,
        COUNT(*) AS num_rows,
        AVG(s.num_valid_tokens) AS num_labels,
        MIN(s.loss) AS lowest,
        COALESCE(AVG(s.label_entropy), AVG(s.label_variance)) AS guessing_loss,
        AVG(COALESCE(s.cross_entropy, s.mean_squared_error, s.loss)) FILTER (
            WHERE 4 * (b.last_step - s.step) <= b.last_step - b.first_step
        ) AS late_error,
        AVG(s.accuracy) FILTER (WHERE 4 * (b.last_step - s.step) <= b.last_step - b.first_step) AS late_accuracy,
        MAX(s.learning_rate) FILTER (WHERE 4 * (b.last_step - s.step) <= b.last_step - b.first_step) AS late_rate,
        MAX(s.learning_rate) FILTER (WHERE 4 * (b.last_step - s.step) > b.last_step - b.first_step) AS rate_before
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    WHERE s.run = :run AND s.loss IS NOT NULL
),
flat AS (
    SELECT r.first_step, r.last_step, m.early_loss, m.late_loss
    FROM medians AS m
    CROSS JOIN start AS s
    CROSS JOIN run_wide AS r
    WHERE
        r.num_rows >= :min_rows
        AND (r.num_labels IS NULL OR r.num_labels * (r.last_step - r.first_step) >= :min_labels)
        AND r.lowest >= 0
        AND m.late_loss > 0
        AND (
            s.start_loss - m.late_loss <= :improvement * s.start_loss
            OR (
                s.start_loss - m.late_loss <= :clear * s.start_loss
                AND (s.start_loss - m.late_loss) * (s.start_loss - m.late_loss)
                <= :noise * m.deviation * m.deviation * (1.0 / s.num_start + 1.0 / m.num_late)
            )
        )
        AND (
            m.early_loss - m.late_loss <= :improvement * m.early_loss
            OR (
                m.early_loss - m.late_loss <= :clear * m.early_loss
                AND (m.early_loss - m.late_loss) * (m.early_loss - m.late_loss)
                <= :noise * m.deviation * m.deviation * (1.0 / m.num_early + 1.0 / m.num_late)
            )
        )
        -- so noisy that it may as well have fallen clearly: nothing can be said
        AND (:clear * s.start_loss - s.start_loss + m.late_loss) * (:clear * s.start_loss - s.start_loss + m.late_loss)
        > m.deviation * m.deviation * (1.0 / s.num_start + 1.0 / m.num_late)
        AND (:clear * m.early_loss - m.early_loss + m.late_loss)
        * (:clear * m.early_loss - m.early_loss + m.late_loss)
        > m.deviation * m.deviation * (1.0 / m.num_early + 1.0 / m.num_late)
        AND (r.guessing_loss IS NULL OR r.late_error IS NULL OR r.late_error > :learned * r.guessing_loss)
        AND COALESCE(r.late_accuracy, 0) < :accurate
        AND COALESCE(r.late_rate, 0) <= 1.001 * COALESCE(r.rate_before, r.late_rate, 0)
        AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
)
SELECT first_step AS step, 'loss' AS subject, late_loss AS observed, early_loss AS threshold FROM flat
UNION ALL
SELECT last_step AS step, 'loss' AS subject, late_loss AS observed, early_loss AS threshold FROM flat
