-- title: The model predicts one class for everything
-- severity: warning
-- without-effect: note
-- stage: prior
-- confidence: likely
-- needs: steps.top_prediction_share, steps.label_majority_share
-- explains: loss-flat, accuracy-flat
-- message: {observed} of the last predictions name one class, which {threshold} of the labels have
-- param: min_rows = 12  -- logged steps below which the run may still be on its way
-- param: top = 0.97     -- share of the predictions, in the mean of the last quarter
-- why: Where one class outweighs the others, naming it always is a cheap answer that no accuracy shows up.
-- remedy: Weigh the classes, `weight = 1 / counts`, or sample them evenly: `WeightedRandomSampler`.
-- evidence: SELECT step, top_prediction_share, label_majority_share, accuracy FROM current_steps WHERE run = :run ORDER BY step DESC LIMIT 20
SELECT
    MIN(s.step) AS step,
    'predictions' AS subject,
    AVG(s.top_prediction_share) AS observed,
    AVG(s.label_majority_share) AS threshold
FROM current_steps AS s
INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
WHERE
    s.run = :run
    AND s.top_prediction_share IS NOT NULL
    AND b.num_steps >= :min_rows
    AND 4 * (b.last_step - s.step) <= b.last_step - b.first_step
HAVING AVG(s.top_prediction_share) > :top AND AVG(s.label_majority_share) < 0.9999
