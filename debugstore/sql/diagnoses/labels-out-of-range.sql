-- title: Labels lie outside the classes
-- severity: error
-- stage: data
-- confidence: certain
-- needs: sanity.label_max, sanity.expected_max
-- explains: nonfinite-loss, loss-flat, loss-diverging, initial-loss-too-high
-- message: a label is {observed}, the largest class is {threshold}
-- why: Cross entropy reads past the logits: an error on the CPU, an assert or rubbish on a GPU.
-- remedy: Count classes from 0 and give the true number: `DebugLogger(..., num_classes=N)`; mark padding with `ignore_index`.
-- evidence: SELECT step, label_min, label_max, expected_max, num_out_of_range FROM current_sanity WHERE run = :run
SELECT
    step,
    'labels' AS subject,
    CASE WHEN label_max > expected_max THEN label_max ELSE label_min END AS observed,
    expected_max AS threshold
FROM current_sanity
WHERE run = :run AND (num_out_of_range > 0 OR label_max > expected_max OR NOT labels_valid)
ORDER BY step
