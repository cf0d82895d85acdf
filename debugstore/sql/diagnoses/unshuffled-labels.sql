-- title: Batches come sorted by label
-- severity: warning
-- stage: data
-- confidence: certain
-- needs: steps.label_min, steps.label_max
-- explains: not-learning, unstable, overfitting, majority-class-only
-- message: a batch spans {observed} of the labels' range, though together they span all of it
-- param: span = 0.3       -- mean range of a batch / range of all; eight random labels span three quarters
-- param: rows = 5         -- logged batches
-- param: min_labels = 8   -- labels a batch
-- why: Each batch teaches one label and the next one undoes it: the model chases the label of the moment.
-- remedy: Shuffle: `DataLoader(dataset, batch_size=64, shuffle=True)`.
-- silent-on: batches of few labels, sequences
-- evidence: SELECT step, label_min, label_max, label_entropy FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH run_wide AS (
    SELECT
        MIN(step) AS step,
        COUNT(*) AS num_rows,
        AVG(label_max - label_min) AS batch_span,
        MAX(label_max) - MIN(label_min) AS whole_span,
        COUNT(DISTINCT label_min) AS num_smallest,
        AVG(num_valid_tokens) AS num_labels
    FROM current_steps
    WHERE run = :run AND label_max IS NOT NULL AND labels_shape NOT LIKE '%,%'
)
SELECT step, 'labels' AS subject, batch_span / whole_span AS observed, :span AS threshold
FROM run_wide
WHERE
    num_rows >= :rows
    AND num_labels >= :min_labels
    AND whole_span > 0
    AND num_smallest >= 2
    AND batch_span < :span * whole_span
