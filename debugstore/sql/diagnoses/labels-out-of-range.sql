-- title: Labels lie outside the classes
-- severity: error
-- stage: data
-- confidence: certain
-- needs: sanity.label_max, sanity.expected_max
-- explains: not-learning, not-finite, unstable, initial-loss-too-high, training-failed, learning-rate-too-high,
--   output-width-mismatch
-- message: a label is {observed}, the largest class is {threshold}
-- why: Cross entropy reads past the logits: an error on the CPU, an assert or rubbish on a GPU.
-- remedy: Count classes from 0 and give the true number, `DebugLogger(..., num_classes=N)`; mark padding with `ignore_index`.
-- evidence: SELECT step, label_min, label_max, expected_max, num_out_of_range FROM current_sanity WHERE run = :run
SELECT
    step,
    'labels' AS subject,
    CASE WHEN label_max > expected_max THEN label_max ELSE label_min END AS observed,
    expected_max AS threshold
FROM current_sanity
WHERE run = :run AND (num_out_of_range > 0 OR label_max > expected_max OR NOT labels_valid)
UNION ALL
SELECT
    s.step,
    'labels' AS subject,
    CASE WHEN s.label_max > e.expected_max THEN s.label_max ELSE s.label_min END AS observed,
    e.expected_max AS threshold
FROM current_steps AS s
CROSS JOIN (SELECT MAX(c.expected_max) AS expected_max FROM current_sanity AS c WHERE c.run = :run) AS e
WHERE s.run = :run AND (s.label_max > e.expected_max OR (s.label_min < 0 AND e.expected_max IS NOT NULL))
ORDER BY 1
