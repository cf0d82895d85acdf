-- title: Most updates are rounded away
-- severity: warning
-- stage: symptom
-- confidence: certain
-- needs: param_updates.share_entries_changed
-- message: of the entries with a gradient {observed} change in a step, in {count} measured steps
-- param: changed = 0.5  -- share of entries; in float32 at a sound learning rate nearly all of them change
-- param: share = 0.5    -- of the measured steps with a learning rate above zero
-- param: rows = 3       -- measured steps; one may have been skipped by a gradient scaler
-- why: The change is smaller than the distance to the next number the format can hold: the entry stays what it was.
-- remedy: Keep the parameters in float32, `model.float()`, or raise the learning rate.
-- silent-on: steps at learning rate zero
-- evidence: SELECT step, share_entries_changed, update_ratio FROM current_param_updates WHERE run = :run ORDER BY step LIMIT 20
WITH measured AS (
    SELECT
        step,
        share_entries_changed,
        CASE WHEN share_entries_changed < :changed THEN 1 ELSE 0 END AS lost
    FROM current_param_updates
    WHERE run = :run AND update_norm > 0
),
counted AS (
    SELECT measured.*, SUM(lost) OVER () AS num_lost, COUNT(*) OVER () AS num_rows FROM measured
)
SELECT step, 'parameters' AS subject, share_entries_changed AS observed, :changed AS threshold
FROM counted
WHERE lost = 1 AND num_lost >= :rows AND num_lost > :share * num_rows
ORDER BY step
