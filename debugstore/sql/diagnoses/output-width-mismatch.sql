-- title: The outputs have another number of classes than the labels
-- severity: error
-- without-effect: warning
-- stage: loss
-- confidence: certain
-- needs: steps.output_width, fit_starts.num_classes
-- explains: not-learning, not-finite, training-failed, initial-loss-too-high, majority-class-only
-- message: the outputs are {observed} wide, there are {threshold} classes
-- param: excess = 2.0  -- width / classes; a vocabulary padded to a round number stays well below
-- why: Too few: labels of the last classes fail or read rubbish. Far too many: dimensions were flattened into the classes.
-- remedy: Make the head as wide as there are classes, `nn.Linear(width, num_classes)`, and put classes last or second: `logits.flatten(0, 1)`.
-- silent-on: one logit for two classes, vocabularies padded to a round size
-- evidence: SELECT step, output_width, target_shape, labels_shape FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH settings AS (
    SELECT MAX(num_classes) AS num_classes FROM fit_starts WHERE run = :run
)
SELECT s.step, 'outputs' AS subject, s.output_width AS observed, c.num_classes AS threshold
FROM current_steps AS s
CROSS JOIN settings AS c
WHERE
    s.run = :run
    AND s.output_width > 1
    AND (s.output_width < c.num_classes OR s.output_width > :excess * c.num_classes)
ORDER BY s.step
