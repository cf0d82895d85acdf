-- title: Validation samples are training samples
-- severity: warning
-- stage: generalization
-- confidence: certain
-- needs: validations.overlap_share
-- message: {observed} of the validation samples were seen in training, in {count} validations
-- param: share = 0.1  -- of the validation samples; a few duplicates are in most data sets
-- why: The validation measures memory: it looks better than the model is.
-- remedy: Split before anything else, by the unit that repeats: by document, by patient, by day.
-- evidence: SELECT step, overlap_share, loss, accuracy FROM current_validations WHERE run = :run ORDER BY step LIMIT 20
SELECT step, 'validation' AS subject, overlap_share AS observed, :share AS threshold
FROM current_validations
WHERE run = :run AND overlap_share > :share
ORDER BY overlap_share DESC
