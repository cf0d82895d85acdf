-- title: The labels are the inputs
-- severity: warning
-- stage: loss
-- confidence: likely
-- needs: steps.label_input_match
-- explains: majority-class-only, overfitting
-- message: {observed} of the labels equal the input at the same place, in {count} logged steps
-- param: match = 0.9  -- share of the labels that are not the most frequent one; a shifted text matches in a few percent
-- param: share = 0.9  -- of the logged steps
-- why: The model learns to copy; the loss falls to nothing and nothing is learned about what comes next.
-- remedy: Shift the labels by one: `loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())`.
-- silent-on: masked positions, which are ignored labels; padding, which is alike in inputs and labels
-- evidence: SELECT step, label_input_match, loss FROM current_steps WHERE run = :run AND label_input_match IS NOT NULL ORDER BY step LIMIT 20
WITH labels AS (
    SELECT
        step,
        label_input_match,
        -- the most frequent label may be padding, and match because both sides are padded
        (label_input_match - COALESCE(label_majority_share, 0))
        / NULLIF(1 - COALESCE(label_majority_share, 0), 0) AS least_match
    FROM current_steps
    WHERE run = :run AND label_input_match IS NOT NULL
),
logged AS (
    SELECT
        step,
        label_input_match,
        least_match,
        SUM(CASE WHEN least_match > :match THEN 1 ELSE 0 END) OVER () AS num_matching,
        COUNT(*) OVER () AS num_rows
    FROM labels
)
SELECT step, 'labels' AS subject, label_input_match AS observed, :match AS threshold
FROM logged
WHERE least_match > :match AND num_matching >= :share * num_rows
ORDER BY step
