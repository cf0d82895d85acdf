-- title: The resume starts from other weights
-- severity: error
-- stage: resume
-- confidence: likely
-- needs: steps.loss, fit_starts.start_step
-- explains: loss-spike, gradient-spike, loss-diverging, resume-lost-optimizer-state, loss-flat, overfitting
-- message: the loss goes on at {observed} after the resume at step {first_step}, it had come down to {threshold}
-- param: rows = 5       -- logged losses before the resume in the mean
-- param: fall = 0.2     -- share of the first loss that must have gone for a jump to mean anything
-- param: regained = 0.5  -- of what had been gained that is lost again
-- why: What was learned before is gone: the checkpoint was not loaded, or is not of this run.
-- remedy: Load it and look at what does not fit: `model.load_state_dict(checkpoint['model'], strict=True)`.
-- evidence: SELECT segment, step, loss FROM steps WHERE run = :run ORDER BY step, segment LIMIT 40
WITH opened AS (
    SELECT
        f.segment,
        f.rank,
        f.start_step
    FROM fit_starts AS f
    WHERE f.run = :run AND f.start_step > 0
),
earlier AS (
    SELECT
        o.segment,
        s.loss,
        ROW_NUMBER() OVER (PARTITION BY o.segment ORDER BY s.step DESC, s.segment DESC, s.seq DESC) AS from_last,
        ROW_NUMBER() OVER (PARTITION BY o.segment ORDER BY s.step, s.segment, s.seq) AS place
    FROM opened AS o
    INNER JOIN steps AS s ON s.run = :run AND o.rank = s.rank AND s.step < o.start_step AND s.segment <> o.segment
    WHERE s.loss IS NOT NULL
),
earlier_losses AS (
    SELECT
        segment,
        AVG(CASE WHEN from_last <= :rows THEN loss END) AS late_loss,
        AVG(CASE WHEN place <= 3 THEN loss END) AS first_loss
    FROM earlier
    GROUP BY segment
),
resumed AS (
    SELECT o.segment, MIN(s.step) AS step, AVG(s.loss) AS loss
    FROM opened AS o
    INNER JOIN steps AS s ON s.run = :run AND o.segment = s.segment AND s.step < o.start_step + 2
    GROUP BY o.segment
)
SELECT a.step, 'loss' AS subject, a.loss AS observed, b.late_loss AS threshold
FROM resumed AS a
INNER JOIN earlier_losses AS b ON a.segment = b.segment
WHERE
    b.first_loss - b.late_loss > :fall * ABS(b.first_loss)
    AND a.loss > b.late_loss + :regained * (b.first_loss - b.late_loss)
ORDER BY a.step
