-- title: Steps are missing between two segments
-- severity: warning
-- stage: resume
-- confidence: certain
-- needs: fit_starts.start_step
-- message: the log stops at step {observed} and goes on at step {threshold}
-- param: cadence = 3.0  -- logging intervals from the last logged step on; a killed process loses its last events
-- why: Either the log of those steps is lost, or the step counter was set wrongly and schedules are off by as much.
-- remedy: Ingest the missing file, or start the logger where the run goes on: `DebugLogger(..., start_step=step)`.
-- silent-on: overlapping segments, whose later steps count
-- evidence: SELECT rank, id, first_step, last_step, superseded_from FROM segments WHERE run = :run ORDER BY rank, started_at
WITH opened AS (
    SELECT
        g.rank,
        g.first_step,
        LAG(g.last_step) OVER (PARTITION BY g.rank ORDER BY g.started_at, g.id) AS last_before,
        COALESCE((SELECT MAX(f.step_every) FROM fit_starts AS f WHERE f.run = :run), 10) AS step_every
    FROM segments AS g
    WHERE g.run = :run AND g.num_steps > 0
)
SELECT first_step AS step, 'rank ' || CAST(rank AS TEXT) AS subject, last_before AS observed, first_step AS threshold
FROM opened
WHERE first_step - last_before - 1 > :cadence * step_every
ORDER BY first_step
