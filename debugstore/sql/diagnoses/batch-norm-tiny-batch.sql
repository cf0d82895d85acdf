-- title: Batch norm sees too few samples
-- severity: warning
-- stage: model
-- confidence: likely
-- needs: module_activations.type, steps.num_valid_tokens
-- explains: not-learning, overfitting, loss-spike
-- message: {subject} normalises over {observed} samples
-- param: samples = 3  -- samples a batch from which on the statistics mean something
-- why: The statistics of two samples say nothing; training and evaluation see two different models.
-- remedy: Use a larger batch, or a norm that does not need one: `nn.GroupNorm(8, channels)`.
-- silent-on: labels in sequences
-- evidence: SELECT step, num_valid_tokens, labels_shape FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH batches AS (
    SELECT MIN(step) AS step, AVG(num_valid_tokens + COALESCE(num_ignored, 0)) AS samples
    FROM current_steps
    WHERE run = :run AND num_valid_tokens IS NOT NULL AND labels_shape NOT LIKE '%,%'
),
norms AS (
    SELECT MIN(module) AS module FROM current_module_activations WHERE run = :run AND type LIKE 'BatchNorm%'
)
SELECT b.step, n.module AS subject, b.samples AS observed, :samples AS threshold
FROM batches AS b
CROSS JOIN norms AS n
WHERE b.samples < :samples AND n.module IS NOT NULL
