-- title: What a run was set up with, as its first segment said
-- why: Of the lowest rank. The JSON columns are kept as the log had them.
SELECT
    r.id AS run, r.run_id, r.name, r.status, r.config, r.optimizer, r.environment, r.tags, r.total_params,
    r.trainable_params, r.frozen_params, r.world_size, f.scheduler_type, f.accumulation_steps, f.batch_size,
    f.max_epochs, f.total_steps, f.start_step, f.num_classes, f.ignore_index, f.scaler_enabled, f.max_dropout
FROM runs AS r
LEFT JOIN current_fit_starts AS f
    ON r.id = f.run AND f.segment = (
        SELECT s.id
        FROM segments AS s
        WHERE s.run = r.id
        ORDER BY s.rank, s.started_at, s.id
        LIMIT 1
    )
WHERE r.id = :run
ORDER BY f.seq
LIMIT 1
