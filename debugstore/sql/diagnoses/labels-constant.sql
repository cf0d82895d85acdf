-- title: All labels are the same
-- severity: error
-- stage: data
-- confidence: certain
-- needs: steps.label_min, steps.label_max
-- explains: not-learning, majority-class-only, zero-gradients, vanishing-gradients, loss-target-leak, overfitting
-- message: every label in {threshold} logged batches is {observed}
-- param: rows = 10      -- logged batches; fewer may be alike by chance, where one label in a hundred is another
-- param: min_labels = 4  -- labels a batch; one label is always alike
-- why: There is nothing to tell apart: the model learns to say that one label, at a loss near zero.
-- remedy: Look at a batch: `print(y.unique(return_counts=True))`, then at how labels are read or joined.
-- silent-on: batches sorted by label, whose labels differ from one batch to another
-- evidence: SELECT step, label_min, label_max, label_entropy FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH run_wide AS (
    SELECT
        rank,
        MIN(step) AS step,
        MIN(label_min) AS smallest,
        MAX(label_max) AS largest,
        COUNT(label_max) AS num_rows,
        MAX(num_valid_tokens) AS num_labels
    FROM current_steps
    WHERE run = :run AND label_max IS NOT NULL
    GROUP BY rank
)
SELECT step, 'labels' AS subject, smallest AS observed, num_rows AS threshold, rank
FROM run_wide
WHERE smallest = largest AND num_rows >= :rows AND COALESCE(num_labels, :min_labels) >= :min_labels
ORDER BY step, rank
