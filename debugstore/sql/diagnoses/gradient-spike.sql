-- title: A gradient far above its recent mean
-- severity: warning
-- without-effect: note
-- stage: symptom
-- moment: step
-- needs: grads.total_norm
-- explains: later loss-spike, loss-diverging, later nonfinite-loss, nonfinite-gradients, nonfinite-parameters
-- message: the total norm jumps to {observed}; {threshold} would still be noise
-- param: recent_rows = 20  -- logged steps in the mean: enough to be steady, few enough to follow the training
-- param: ratio = 10.0      -- norm / mean; batches of healthy runs differ by a factor of three
-- why: One step with a gradient like this can undo hundreds.
-- remedy: Clip gradients and look at that batch: `debugstore show RUN --around {first_step}`.
-- silent-on: the first steps, where there is no recent mean yet; converged runs, whose recent mean is near zero
-- evidence: SELECT step, total_norm, clipped_norm, max_grad FROM current_grads WHERE run = :run AND step BETWEEN :first_step - 100 AND :first_step + 100 ORDER BY step
WITH logged AS (
    -- within a segment, in the order its rows are kept in: nothing has to be sorted
    SELECT
        rank,
        step,
        total_norm,
        AVG(total_norm) OVER recent AS mean_norm,
        COUNT(total_norm) OVER recent AS num_recent,
        AVG(total_norm) OVER so_far AS mean_so_far
    FROM current_grads
    WHERE run = :run AND total_norm IS NOT NULL
    WINDOW
        recent AS (PARTITION BY segment ORDER BY seq ROWS BETWEEN :recent_rows PRECEDING AND 1 PRECEDING),
        so_far AS (PARTITION BY segment ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT step, 'total_norm' AS subject, total_norm AS observed, :ratio * mean_norm AS threshold, rank
FROM logged
WHERE num_recent >= :recent_rows AND total_norm > :ratio * mean_norm AND total_norm > :ratio * mean_so_far
ORDER BY step, rank
