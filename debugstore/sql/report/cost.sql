-- title: Where the time of a step goes, and what the logger takes of it
-- param: since_step = 0  -- first step that counts
WITH
ends AS (
    SELECT SUM(e.seconds) AS seconds, SUM(e.logger_seconds) AS logger_seconds FROM fit_ends AS e WHERE e.run = :run
),
loop_times AS (
    SELECT
        AVG(step_seconds) AS step_seconds_mean,
        AVG(data_seconds) AS data_seconds_mean,
        AVG(backward_seconds) AS backward_seconds_mean,
        AVG(optimizer_seconds) AS optimizer_seconds_mean,
        AVG(logger_seconds) AS logged_step_logger_seconds_mean,
        MAX(peak_bytes) AS peak_bytes
    FROM current_loops
    WHERE run = :run AND step >= :since_step
)
SELECT
    ends.seconds,
    ends.logger_seconds,
    ends.logger_seconds / NULLIF(ends.seconds, 0) AS logger_share,
    loop_times.step_seconds_mean,
    loop_times.data_seconds_mean,
    loop_times.backward_seconds_mean,
    loop_times.optimizer_seconds_mean,
    loop_times.logged_step_logger_seconds_mean,
    loop_times.peak_bytes
FROM ends
CROSS JOIN loop_times
