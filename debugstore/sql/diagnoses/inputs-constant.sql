-- title: All inputs of a batch are the same
-- severity: error
-- without-effect: warning
-- stage: data
-- confidence: certain
-- needs: steps.batch_fingerprint
-- explains: not-learning, dead-units, zero-gradients, vanishing-gradients, same-batch-repeated, epoch-order-repeats,
--   inputs-out-of-scale, learning-rate-too-low, zero-initialization, ranks-share-data,
--   train-validation-overlap, overfitting
-- message: {subject} in {threshold} logged batches
-- param: share = 0.9   -- of the logged batches
-- param: spread = 1e-6  -- spread over samples / largest input
-- param: rows = 3      -- logged batches
-- why: Samples that look the same cannot be told apart: the best the model can learn is how often each label comes.
-- remedy: Look at a batch: `print(x.std(0), x.min(), x.max())`, then go through the loader's transforms one by one.
-- evidence: SELECT step, input_std, input_sample_std, input_abs_max, batch_fingerprint FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH run_wide AS (
    SELECT
        rank,
        MIN(step) AS step,
        COUNT(input_sample_std) AS num_spreads,
        SUM(CASE WHEN input_sample_std <= :spread * COALESCE(input_abs_max, 0) THEN 1 ELSE 0 END) AS num_same,
        COUNT(*) AS num_rows,
        COUNT(batch_fingerprint) AS num_fingerprints,
        COUNT(DISTINCT batch_fingerprint) AS num_distinct,
        COUNT(input_std) AS num_real,
        AVG(label_variance) AS label_variance,
        MAX(label_entropy) AS label_entropy,
        MIN(sample_labels) AS first_labels,
        MAX(sample_labels) AS last_labels
    FROM current_steps
    WHERE run = :run
    GROUP BY rank
)
SELECT
    step,
    'the inputs do not differ between samples' AS subject,
    CAST(num_same AS DOUBLE PRECISION) / num_spreads AS observed,
    num_spreads AS threshold,
    rank
FROM run_wide
WHERE num_spreads >= :rows AND num_same > :share * num_spreads
UNION ALL
SELECT
    step,
    'the inputs are one and the same while the labels change' AS subject,
    num_distinct AS observed,
    num_fingerprints AS threshold,
    rank
FROM run_wide
WHERE num_real = 0 AND num_fingerprints >= :rows AND num_distinct = 1 AND first_labels <> last_labels
ORDER BY step, rank
