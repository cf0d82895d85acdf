-- title: What a run was set up with, as its first segment said
-- why: Of the lowest rank. The JSON columns are kept as the log had them.
WITH opening AS (
    SELECT
        run, scheduler_type, accumulation_steps, batch_size, max_epochs, total_steps, start_step, num_classes,
        ignore_index, scaler_enabled, max_dropout
    FROM current_fit_starts
    WHERE run = :run
    ORDER BY rank, step, segment, seq
    LIMIT 1
)
SELECT
    r.id AS run, r.run_id, r.name, r.status, r.config, r.optimizer, r.environment, r.tags, r.total_params,
    r.trainable_params, r.frozen_params, r.world_size, o.scheduler_type, o.accumulation_steps, o.batch_size,
    o.max_epochs, o.total_steps, o.start_step, o.num_classes, o.ignore_index, o.scaler_enabled, o.max_dropout
FROM runs AS r
LEFT JOIN opening AS o ON r.id = o.run
WHERE r.id = :run
