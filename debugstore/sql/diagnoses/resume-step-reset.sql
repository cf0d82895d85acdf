-- title: The resume counts its steps from the beginning again
-- severity: warning
-- stage: resume
-- confidence: likely
-- needs: fit_starts.start_step, fit_starts.parameter_fingerprint
-- explains: resume-repeats-data, loss-diverging
-- message: a segment starts at step {observed} again, and its weights are not those the run began with
-- param: steps = 10  -- steps that the segment before had done
-- why: Steps stand for two moments of the run each, and whatever counts them, such as a schedule or this log, is wrong.
-- remedy: Tell the logger where the run is: `DebugLogger(..., start_step=checkpoint['step'])`.
-- silent-on: a run that is started anew from the same weights
-- evidence: SELECT segment, step, start_step, parameter_fingerprint FROM fit_starts WHERE run = :run ORDER BY segment
WITH opened AS (
    SELECT
        f.step,
        f.rank,
        f.start_step,
        f.parameter_fingerprint,
        f.num_params_with_state,
        LAG(f.start_step) OVER in_order AS start_before,
        LAG(f.parameter_fingerprint) OVER in_order AS fingerprint_before,
        LAG(g.last_step) OVER in_order AS last_before
    FROM fit_starts AS f
    INNER JOIN segments AS g ON f.segment = g.id AND f.run = g.run
    WHERE f.run = :run
    WINDOW in_order AS (PARTITION BY f.rank ORDER BY g.started_at, g.id)
)
SELECT step, 'rank ' || CAST(rank AS TEXT) AS subject, start_step AS observed, last_before AS threshold
FROM opened
WHERE
    start_step <= start_before
    AND last_before - start_before >= :steps
    AND parameter_fingerprint <> fingerprint_before
    AND COALESCE(num_params_with_state, 1) > 0
ORDER BY step
