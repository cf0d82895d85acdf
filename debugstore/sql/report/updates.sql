-- title: What the optimizer's steps changed
-- param: since_step = 0  -- first step that counts
WITH
logged AS (
    SELECT
        num_params_updated,
        num_params_total,
        update_ratio,
        update_norm,
        weight_norm,
        share_entries_changed,
        num_nonfinite_params,
        ROW_NUMBER() OVER (ORDER BY step, segment, seq) AS place,
        ROW_NUMBER() OVER (ORDER BY step DESC, segment DESC, seq DESC) AS from_last
    FROM current_param_updates
    WHERE run = :run AND step >= :since_step
)
SELECT
    COUNT(*) AS steps,
    MAX(num_params_total) AS num_params_total,
    MIN(num_params_updated) AS num_params_updated_min,
    AVG(num_params_updated) AS num_params_updated_mean,
    MAX(num_params_updated) FILTER (WHERE from_last = 1) AS num_params_updated_last,
    COALESCE(SUM(CASE WHEN num_params_updated = 0 THEN 1 ELSE 0 END), 0) AS num_still_steps,
    MIN(update_ratio) AS update_ratio_min,
    MAX(update_ratio) AS update_ratio_max,
    AVG(update_ratio) AS update_ratio_mean,
    MAX(update_ratio) FILTER (WHERE from_last = 1) AS update_ratio_last,
    MAX(weight_norm) FILTER (WHERE place = 1) AS weight_norm_first,
    MAX(weight_norm) FILTER (WHERE from_last = 1) AS weight_norm_last,
    AVG(share_entries_changed) AS share_entries_changed_mean,
    MAX(num_nonfinite_params) AS num_nonfinite_params_max
FROM logged
