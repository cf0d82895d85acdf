-- title: Labels lie outside the classes
-- severity: error
-- stage: data
-- confidence: certain
-- needs: sanity.label_max | fit_ends.error, sanity.expected_max | fit_ends.error
-- explains: not-learning, not-finite, unstable, initial-loss-too-high, training-failed, learning-rate-too-high,
--   output-width-mismatch
-- message: {subject} {observed}; the largest class is {threshold}
-- why: Cross entropy reads past the logits: an error on the CPU, an assert or rubbish on a GPU.
-- remedy: Count classes from 0 and give the true number, `DebugLogger(..., num_classes=N)`; mark padding with `ignore_index`.
-- evidence: SELECT step, label_min, label_max, expected_max, num_out_of_range FROM current_sanity WHERE run = :run
WITH expected AS (
    SELECT MAX(expected_max) AS expected_max FROM current_sanity WHERE run = :run
)
SELECT
    step,
    'a label' AS subject,
    CASE WHEN label_max > expected_max THEN label_max ELSE label_min END AS observed,
    expected_max AS threshold,
    rank
FROM current_sanity
WHERE run = :run AND (num_out_of_range > 0 OR label_max > expected_max OR NOT labels_valid)
UNION ALL
SELECT
    s.step,
    'a label' AS subject,
    CASE WHEN s.label_max > c.expected_max THEN s.label_max ELSE s.label_min END AS observed,
    c.expected_max AS threshold,
    s.rank
FROM current_steps AS s
CROSS JOIN expected AS c
WHERE
    s.run = :run
    AND s.label_variance IS NULL
    AND (s.label_max > c.expected_max OR (s.label_min < 0 AND c.expected_max IS NOT NULL))
UNION ALL
SELECT e.step, e.error AS subject, NULL AS observed, f.num_classes - 1 AS threshold, e.rank
FROM fit_ends AS e
INNER JOIN fit_starts AS f ON e.run = f.run AND e.segment = f.segment
WHERE
    e.run = :run
    AND e.error LIKE '%Target % is out of bounds%'
    AND NOT EXISTS (SELECT 1 FROM steps AS s WHERE s.run = :run)
    AND (
        LENGTH(REPLACE(REPLACE(e.error, 'IndexError: Target ', ''), ' is out of bounds.', ''))
        > LENGTH(CAST(f.num_classes AS TEXT))
        OR (
            LENGTH(REPLACE(REPLACE(e.error, 'IndexError: Target ', ''), ' is out of bounds.', ''))
            = LENGTH(CAST(f.num_classes AS TEXT))
            AND REPLACE(REPLACE(e.error, 'IndexError: Target ', ''), ' is out of bounds.', '')
            >= CAST(f.num_classes AS TEXT)
        )
    )
ORDER BY step, rank
