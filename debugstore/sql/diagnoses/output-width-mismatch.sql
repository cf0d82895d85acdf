-- title: The outputs have another number of classes than the labels
-- severity: error
-- without-effect: warning
-- stage: loss
-- confidence: certain
-- needs: steps.output_width | fit_ends.error, fit_starts.num_classes
-- explains: not-learning, not-finite, training-failed, initial-loss-too-high, majority-class-only
-- message: {subject} {observed}; there are {threshold} classes
-- param: excess = 2.0  -- width / classes; a vocabulary padded to a round number stays well below
-- why: Too few: labels of the last classes fail or read rubbish. Far too many: dimensions were flattened into the classes.
-- remedy: Make the head as wide as there are classes, `nn.Linear(width, num_classes)`, and put classes last or second: `logits.flatten(0, 1)`.
-- silent-on: one logit for two classes, vocabularies padded to a round size
-- evidence: SELECT step, output_width, target_shape, labels_shape FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH settings AS (
    SELECT MAX(num_classes) AS num_classes FROM fit_starts WHERE run = :run
)
SELECT s.step, 'the width is' AS subject, s.output_width AS observed, c.num_classes AS threshold
FROM current_steps AS s
CROSS JOIN settings AS c
WHERE
    s.run = :run
    AND s.output_width > 1
    AND (s.output_width < c.num_classes OR s.output_width > :excess * c.num_classes)
UNION ALL
SELECT e.step, e.error AS subject, NULL AS observed, f.num_classes AS threshold
FROM fit_ends AS e
INNER JOIN fit_starts AS f ON e.run = f.run AND e.segment = f.segment
WHERE
    e.run = :run
    AND e.error LIKE '%Target % is out of bounds%'
    AND NOT EXISTS (SELECT 1 FROM steps AS s WHERE s.run = :run)
    AND (
        LENGTH(REPLACE(REPLACE(e.error, 'IndexError: Target ', ''), ' is out of bounds.', ''))
        < LENGTH(CAST(f.num_classes AS TEXT))
        OR (
            LENGTH(REPLACE(REPLACE(e.error, 'IndexError: Target ', ''), ' is out of bounds.', ''))
            = LENGTH(CAST(f.num_classes AS TEXT))
            AND REPLACE(REPLACE(e.error, 'IndexError: Target ', ''), ' is out of bounds.', '')
            < CAST(f.num_classes AS TEXT)
        )
    )
ORDER BY step
