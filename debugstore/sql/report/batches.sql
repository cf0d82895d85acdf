-- title: The batches: labels, inputs, outputs
-- param: since_step = 0  -- first step that counts
SELECT
    COUNT(*) AS steps,
    MIN(label_min) AS label_min,
    MAX(label_max) AS label_max,
    AVG(label_entropy) AS label_entropy_mean,
    AVG(label_majority_share) AS label_majority_share_mean,
    AVG(num_valid_tokens) AS num_valid_mean,
    SUM(num_ignored) AS num_ignored_total,
    AVG(input_mean) AS input_mean,
    AVG(input_std) AS input_std,
    MAX(input_abs_max) AS input_abs_max,
    SUM(num_nonfinite_inputs) AS num_nonfinite_inputs_total,
    COUNT(batch_fingerprint) AS num_fingerprints,
    COUNT(DISTINCT batch_fingerprint) AS num_distinct_fingerprints,
    MIN(output_min) AS output_min,
    MAX(output_max) AS output_max,
    AVG(top_prediction_share) AS top_prediction_share_mean
FROM current_steps
WHERE run = :run AND step >= :since_step
