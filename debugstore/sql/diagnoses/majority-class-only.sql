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
WITH logged AS (
    SELECT step, top_prediction_share, label_majority_share
    FROM current_steps
    WHERE
        run = :run
        AND top_prediction_share IS NOT NULL
        AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
),
bounds AS (
    SELECT MIN(step) AS first_step, MAX(step) AS last_step, COUNT(*) AS num_rows FROM logged
)
SELECT
    MIN(l.step) AS step,
    'predictions' AS subject,
    AVG(l.top_prediction_share) AS observed,
    AVG(l.label_majority_share) AS threshold
FROM logged AS l
CROSS JOIN bounds AS b
WHERE b.num_rows >= :min_rows AND 4 * (b.last_step - l.step) <= b.last_step - b.first_step
HAVING AVG(l.top_prediction_share) > :top AND AVG(l.label_majority_share) < 0.9999
