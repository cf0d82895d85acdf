-- title: The same batch comes again and again
-- severity: warning
-- without-effect: note
-- stage: data
-- confidence: certain
-- needs: steps.batch_fingerprint
-- explains: overfitting, epoch-order-repeats, majority-class-only
-- message: {observed} of {threshold} logged batches are the same as the one before
-- param: first_events = 10000  -- events of each segment that are looked at: order is a property of the loop
-- param: rows = 3     -- repeats; a shuffled loader has none
-- param: share = 0.3  -- of the logged steps that follow the one logged before at once, else of all
-- why: The model learns one batch by heart; what was meant to be a pass over the data is not.
-- remedy: Make the iterator outside the loop, `for x, y in loader:`; give each loader worker its own seed.
-- silent-on: batches that repeat at the logger's pace alone; a run that overfits one batch on purpose gets a note
-- evidence: SELECT step, batch_fingerprint, loss FROM current_steps WHERE run = :run ORDER BY step LIMIT 20
WITH logged AS (
    SELECT
        rank,
        step,
        CASE WHEN batch_fingerprint = LAG(batch_fingerprint) OVER in_order THEN 1 ELSE 0 END AS same,
        CASE WHEN step = LAG(step) OVER in_order + 1 THEN 1 ELSE 0 END AS adjacent,
        LAG(step) OVER in_order AS step_before
    FROM current_steps
    WHERE run = :run AND batch_fingerprint IS NOT NULL AND seq < :first_events
    WINDOW in_order AS (PARTITION BY rank ORDER BY step, segment, seq)
),
counted AS (
    SELECT
        rank,
        MIN(CASE WHEN same = 1 THEN step_before END) AS step,
        SUM(same) AS num_same,
        SUM(adjacent) AS num_adjacent,
        SUM(same * adjacent) AS num_adjacent_same,
        COUNT(*) AS num_rows
    FROM logged
    WHERE step_before <> step
    GROUP BY rank
)
SELECT step, 'batches' AS subject, num_same AS observed, num_rows AS threshold, rank
FROM counted
WHERE
    num_same >= :rows
    AND (
        (num_same > :share * num_rows AND (num_adjacent < :rows OR num_adjacent_same > 0))
        OR (num_adjacent_same >= :rows AND num_adjacent_same > :share * num_adjacent)
    )
ORDER BY step, rank
