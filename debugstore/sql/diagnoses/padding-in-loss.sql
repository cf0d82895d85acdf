-- title: The loss counts padding
-- severity: warning
-- without-effect: note
-- stage: loss
-- confidence: likely
-- needs: steps.label_input_match, steps.label_majority_share
-- explains: majority-class-only, accuracy-flat, overfitting, train-validation-overlap
-- message: {observed} of the labels of a sequence are one value, {threshold} equal the input at their place
-- param: majority = 0.5  -- share of the most frequent label of a sequence; no text has one token as often
-- param: match = 0.95    -- share of these labels whose input is the same: both sides are padded
-- why: Padding after padding is learned at once: loss and accuracy look good and say little about what comes before.
-- remedy: Leave it out: `labels[labels == pad] = -100`, which `F.cross_entropy` ignores, or `ignore_index=pad`.
-- silent-on: padding that is ignored, labels that are no sequence, texts copied from the inputs
-- evidence: SELECT step, label_majority_share, label_input_match, num_ignored FROM current_steps WHERE run = :run AND label_input_match IS NOT NULL ORDER BY step LIMIT 20
WITH run_wide AS (
    SELECT
        MIN(step) AS step,
        AVG(label_majority_share) AS majority_share,
        AVG(label_input_match) AS input_match
    FROM current_steps
    WHERE run = :run AND label_input_match IS NOT NULL AND label_majority_share < 1 AND labels_shape LIKE '%,%'
)
SELECT step, 'labels' AS subject, majority_share AS observed, input_match AS threshold
FROM run_wide
WHERE majority_share > :majority AND input_match > :match * majority_share AND input_match < 0.99
