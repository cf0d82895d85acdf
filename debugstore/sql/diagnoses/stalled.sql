-- title: A step took a minute and many times its usual time
-- severity: note
-- stage: system
-- confidence: possible
-- needs: loops.step_seconds
-- message: step {step} took {observed} s, {threshold} s would be ten times the mean of the others
-- param: seconds = 60.0    -- seconds; shorter pauses are checkpoints and garbage collection
-- param: ratio = 10.0      -- step / mean of all steps
-- param: first_steps = 10  -- steps left out: compilation and warm-up
-- why: The loop stood still: a loader without data, a file system, another process on the device.
-- remedy: See what came before it: `debugstore show RUN --around {step}`.
-- silent-on: steps with a validation in them
-- evidence: SELECT step, step_seconds, data_seconds, backward_seconds FROM current_loops WHERE run = :run ORDER BY step_seconds DESC LIMIT 20
WITH logged AS (
    SELECT
        rank,
        step,
        step_seconds,
        SUM(step_seconds) OVER () AS total_seconds,
        COUNT(*) OVER () AS num_rows
    FROM current_loops
    WHERE run = :run AND step_seconds IS NOT NULL AND step >= :first_steps
)
SELECT
    step,
    'step' AS subject,
    step_seconds AS observed,
    :ratio * (total_seconds - step_seconds) / (num_rows - 1) AS threshold,
    rank
FROM logged
WHERE
    num_rows > 5
    AND step_seconds > :seconds
    AND step_seconds > :ratio * (total_seconds - step_seconds) / (num_rows - 1)
ORDER BY step_seconds DESC, step ASC, rank ASC
