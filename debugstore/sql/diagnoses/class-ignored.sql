-- title: The label to ignore is a class
-- severity: warning
-- stage: data
-- confidence: likely
-- needs: fit_starts.ignore_index, fit_starts.num_classes, steps.num_ignored
-- explains: overfitting
-- message: class {observed} is left out of the loss; {subject} logged batches hold labels of it
-- param: rows = 2  -- logged batches with ignored labels
-- why: The loss never sees that class, so the model never predicts it.
-- remedy: Keep the default: `torch.nn.CrossEntropyLoss()`, whose ignore_index is -100; or move the padding out of the classes.
-- silent-on: labels in sequences, where a class number is often the padding on purpose
-- evidence: SELECT step, num_ignored, num_valid_tokens, label_min FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH ignoring AS (
    SELECT MIN(step) AS step, COUNT(*) AS num_rows
    FROM current_steps
    WHERE run = :run AND num_ignored > 0 AND labels_shape NOT LIKE '%,%'
),
settings AS (
    SELECT MAX(ignore_index) AS ignored_class, MAX(num_classes) AS num_classes FROM fit_starts WHERE run = :run
)
SELECT i.step, CAST(i.num_rows AS TEXT) AS subject, s.ignored_class AS observed, s.num_classes AS threshold
FROM ignoring AS i
CROSS JOIN settings AS s
WHERE i.num_rows >= :rows AND s.ignored_class >= 0 AND s.ignored_class < s.num_classes
