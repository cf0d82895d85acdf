-- title: Batches come sorted by label
-- severity: warning
-- stage: data
-- confidence: certain
-- needs: steps.label_min, steps.label_max
-- explains: not-learning, unstable, overfitting, majority-class-only, dead-units, saturated-units, vanishing-gradients
-- message: a batch spans {observed} of the labels' range, though together they span all of it
-- param: span = 0.3       -- mean range of a batch / range of all; eight random labels span three quarters
-- param: rows = 5         -- logged batches
-- param: min_labels = 8   -- labels a batch
-- why: Each batch teaches one label and the next one undoes it: the model chases the label of the moment.
-- remedy: Shuffle: `DataLoader(dataset, batch_size=64, shuffle=True)`.
-- silent-on: batches of few labels, sequences, real labels that only drift, one class that outweighs all others: its batches all lie at one place
-- evidence: SELECT step, label_min, label_max, label_entropy FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH batches AS (
    SELECT
        step,
        label_min,
        label_entropy,
        LAG(label_min) OVER (PARTITION BY rank ORDER BY step) AS label_min_before,
        label_max - label_min AS batch_span,
        MAX(label_max) OVER () - MIN(label_min) OVER () AS whole_span,
        num_valid_tokens
    FROM current_steps
    WHERE
        run = :run
        AND label_max IS NOT NULL
        AND (labels_shape NOT LIKE '%,%' OR REPLACE(labels_shape, ' ', '') LIKE '[%,1]')
),
run_wide AS (
    SELECT
        MIN(step) AS step,
        COUNT(*) AS num_rows,
        AVG(batch_span) AS batch_span,
        MAX(whole_span) AS whole_span,
        COUNT(DISTINCT label_min) FILTER (WHERE batch_span < :span * whole_span) AS num_places,
        COUNT(*) FILTER (WHERE ABS(label_min - label_min_before) > :span * whole_span) AS num_jumps,
        COUNT(label_entropy) AS num_with_classes,
        AVG(num_valid_tokens) AS num_labels
    FROM batches
)
SELECT step, 'labels' AS subject, batch_span / whole_span AS observed, :span AS threshold
FROM run_wide
WHERE
    num_rows >= :rows
    AND num_labels >= :min_labels
    AND whole_span > 0
    AND num_places >= 2
    -- real labels that drift once through their range are targets that move, as those of a critic do
    AND (num_with_classes > 0 OR num_jumps > 0)
    AND batch_span < :span * whole_span
