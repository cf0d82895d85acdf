-- title: Dropout leaves hardly anything
-- severity: warning
-- without-effect: note
-- stage: model
-- confidence: likely
-- needs: fit_starts.max_dropout
-- explains: not-learning, overfitting, exploding-activations, dead-units
-- message: a dropout of {observed} is in the model
-- param: limit = 0.75  -- probability; one half is usual, more than three quarters is a slip
-- why: Nearly every unit is dropped in every step, and those that stay are scaled up by as much.
-- remedy: Give the probability of dropping, not of keeping: `nn.Dropout(0.1)`.
-- evidence: SELECT step, max_dropout FROM fit_starts WHERE run = :run
SELECT step, 'dropout' AS subject, max_dropout AS observed, :limit AS threshold
FROM fit_starts
WHERE run = :run AND max_dropout > :limit
ORDER BY step
