-- title: The labels of the first batch against the classes
-- param: since_step = 0  -- first step that counts
SELECT
    step,
    rank,
    label_min,
    label_max,
    expected_max,
    CASE WHEN labels_valid THEN 1 WHEN NOT labels_valid THEN 0 END AS labels_valid,
    num_out_of_range,
    num_valid,
    num_ignored,
    label_entropy
FROM current_sanity
WHERE run = :run AND step >= :since_step
ORDER BY step, rank
LIMIT 1
