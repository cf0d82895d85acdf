-- title: The training ended by an exception
-- severity: error
-- stage: symptom
-- confidence: certain
-- needs: fit_ends.status
-- message: {subject}
-- why: What was learned since the last checkpoint is lost.
-- remedy: The text says where; look at the last batch: `debugstore show RUN --around {first_step}`.
-- evidence: SELECT step, status, error, steps, seconds FROM current_fit_ends WHERE run = :run
SELECT step, COALESCE(error, 'no text was recorded') AS subject, NULL AS observed, NULL AS threshold, rank
FROM current_fit_ends
WHERE run = :run AND status = 'failed'
ORDER BY step, rank
