-- title: The resume starts the data over
-- severity: warning
-- stage: resume
-- confidence: certain
-- needs: steps.batch_fingerprint
-- explains: overfitting, epoch-order-repeats
-- message: {observed} of the first batches after the resume at step {first_step} are those the run began with
-- param: first_rows = 5  -- logged steps of each segment that are compared; the logger logs the first five of each
-- param: rows = 3        -- of them that have the same batch
-- why: The beginning of an epoch is seen again and its end is not.
-- remedy: Skip what was seen, or save the sampler: `loader.sampler.set_epoch(epoch)` and a start index.
-- silent-on: steps that were trained again because the checkpoint was older
-- evidence: SELECT segment, step, batch_fingerprint FROM steps WHERE run = :run ORDER BY segment, seq LIMIT 20
WITH opened AS (
    SELECT
        g.id,
        g.rank,
        g.first_step,
        ROW_NUMBER() OVER (PARTITION BY g.rank ORDER BY g.started_at, g.id) AS place
    FROM segments AS g
    WHERE g.run = :run
),
beginnings AS (
    SELECT
        o.rank,
        o.place,
        o.first_step,
        s.step,
        s.batch_fingerprint,
        ROW_NUMBER() OVER (PARTITION BY o.id ORDER BY s.seq) AS row_place
    FROM opened AS o
    INNER JOIN steps AS s ON s.run = :run AND o.id = s.segment
    WHERE s.batch_fingerprint IS NOT NULL AND s.seq < 64
)
SELECT MIN(later.step) AS step, 'batches' AS subject, COUNT(*) AS observed, :first_rows AS threshold
FROM beginnings AS later
INNER JOIN beginnings AS early
    ON
        later.rank = early.rank
        AND later.row_place = early.row_place
        AND later.batch_fingerprint = early.batch_fingerprint
WHERE
    later.place > 1
    AND early.place = 1
    AND later.row_place <= :first_rows
    AND later.step > early.step
GROUP BY later.rank, later.place
HAVING COUNT(*) >= :rows
ORDER BY step
