-- title: Where each recorded fact of two runs first differs, and by how much
-- param: rtol = 1e-5  -- relative difference up to which two numbers are one computation rounded otherwise
-- param: atol = 0.0  -- absolute difference up to which they are
-- why: A fact is a fingerprint or a number that both runs logged at the same rank and step; `place` is its place in the
--   causal order of a step. The first fact that differs is the nearest to the cause that the logs can show. Several rows
--   of one step (micro-steps of a log that repeats the step) pair in the order they were written. A fingerprint has no
--   distance, so it is never beyond a tolerance; labels and the groups' learning rates are, where they differ. The initial buffers come after
--   the data: a fit that starts by itself starts after the first forward, which has seen the first batch.
WITH start_rows AS (
    SELECT
        run, rank, step, nonfinite, total_params, parameter_fingerprint, buffer_fingerprint,
        ROW_NUMBER() OVER (PARTITION BY run, rank, step ORDER BY segment, seq) AS micro_step
    FROM current_fit_starts
    WHERE run IN (:run, :other)
),
step_rows AS (
    SELECT
        run, rank, step, nonfinite, batch_fingerprint, sample_labels, num_valid_tokens, label_entropy, input_mean,
        input_std, learning_rate, learning_rates, weight_sample_norm, weight_norm, loss, accuracy, sample_predictions,
        ROW_NUMBER() OVER (PARTITION BY run, rank, step ORDER BY segment, seq) AS micro_step
    FROM current_steps
    WHERE run IN (:run, :other)
),
grad_rows AS (
    SELECT
        run, rank, step, nonfinite, gradient_fingerprint, total_norm, clipped_norm,
        ROW_NUMBER() OVER (PARTITION BY run, rank, step ORDER BY segment, seq) AS micro_step
    FROM current_grads
    WHERE run IN (:run, :other)
),
update_rows AS (
    SELECT
        run, rank, step, nonfinite, parameter_fingerprint, buffer_fingerprint, update_norm, update_ratio,
        ROW_NUMBER() OVER (PARTITION BY run, rank, step ORDER BY segment, seq) AS micro_step
    FROM current_param_updates
    WHERE run IN (:run, :other)
),
validation_rows AS (
    SELECT
        run, rank, step, nonfinite, loss, accuracy,
        ROW_NUMBER() OVER (PARTITION BY run, rank, step ORDER BY segment, seq) AS micro_step
    FROM current_validations
    WHERE run IN (:run, :other)
),
numbers AS (
    SELECT
        0 AS place, 'init' AS component, 'total_params' AS fact, run, rank, step, micro_step, nonfinite,
        CAST(total_params AS DOUBLE PRECISION) AS amount
    FROM start_rows
    UNION ALL
    SELECT 4, 'data', 'num_valid_tokens', run, rank, step, micro_step, nonfinite, num_valid_tokens FROM step_rows
    UNION ALL
    SELECT 5, 'data', 'label_entropy', run, rank, step, micro_step, nonfinite, label_entropy FROM step_rows
    UNION ALL
    SELECT 6, 'data', 'input_mean', run, rank, step, micro_step, nonfinite, input_mean FROM step_rows
    UNION ALL
    SELECT 7, 'data', 'input_std', run, rank, step, micro_step, nonfinite, input_std FROM step_rows
    UNION ALL
    SELECT 9, 'learning_rate', 'learning_rate', run, rank, step, micro_step, nonfinite, learning_rate FROM step_rows
    UNION ALL
    SELECT 11, 'optimizer', 'weight_sample_norm', run, rank, step, micro_step, nonfinite, weight_sample_norm
    FROM step_rows
    UNION ALL
    SELECT 12, 'optimizer', 'weight_norm', run, rank, step, micro_step, nonfinite, weight_norm FROM step_rows
    UNION ALL
    SELECT 13, 'forward', 'loss', run, rank, step, micro_step, nonfinite, loss FROM step_rows
    UNION ALL
    SELECT 14, 'forward', 'accuracy', run, rank, step, micro_step, nonfinite, accuracy FROM step_rows
    UNION ALL
    SELECT 18, 'backward', 'total_norm', run, rank, step, micro_step, nonfinite, total_norm FROM grad_rows
    UNION ALL
    SELECT 19, 'optimizer', 'clipped_norm', run, rank, step, micro_step, nonfinite, clipped_norm FROM grad_rows
    UNION ALL
    SELECT 21, 'optimizer', 'update_norm', run, rank, step, micro_step, nonfinite, update_norm FROM update_rows
    UNION ALL
    SELECT 22, 'optimizer', 'update_ratio', run, rank, step, micro_step, nonfinite, update_ratio FROM update_rows
    UNION ALL
    SELECT 23, 'forward', 'validation_loss', run, rank, step, micro_step, nonfinite, loss FROM validation_rows
    UNION ALL
    SELECT 24, 'forward', 'validation_accuracy', run, rank, step, micro_step, nonfinite, accuracy FROM validation_rows
),
texts AS (
    SELECT
        1 AS place, 'init' AS component, 'initial_parameter_fingerprint' AS fact, run, rank, step, micro_step,
        parameter_fingerprint AS word
    FROM start_rows
    UNION ALL
    SELECT 2, 'data', 'batch_fingerprint', run, rank, step, micro_step, batch_fingerprint FROM step_rows
    UNION ALL
    SELECT 3, 'data', 'sample_labels', run, rank, step, micro_step, sample_labels FROM step_rows
    UNION ALL
    SELECT 8, 'init', 'initial_buffer_fingerprint', run, rank, step, micro_step, buffer_fingerprint FROM start_rows
    UNION ALL
    SELECT 10, 'learning_rate', 'learning_rates', run, rank, step, micro_step, learning_rates FROM step_rows
    UNION ALL
    SELECT 15, 'forward', 'sample_predictions', run, rank, step, micro_step, sample_predictions FROM step_rows
    UNION ALL
    SELECT 16, 'forward', 'buffer_fingerprint', run, rank, step, micro_step, buffer_fingerprint FROM update_rows
    UNION ALL
    SELECT 17, 'backward', 'gradient_fingerprint', run, rank, step, micro_step, gradient_fingerprint FROM grad_rows
    UNION ALL
    SELECT 20, 'optimizer', 'parameter_fingerprint', run, rank, step, micro_step, parameter_fingerprint FROM update_rows
),
recorded AS (
    SELECT
        place, component, fact, run, rank, step, micro_step, amount,
        CASE
            WHEN amount IS NOT NULL THEN NULL
            WHEN nonfinite LIKE '%"' || REPLACE(fact, 'validation_', '') || '":"nan"%' THEN 'nan'
            WHEN nonfinite LIKE '%"' || REPLACE(fact, 'validation_', '') || '":"inf"%' THEN 'inf'
            WHEN nonfinite LIKE '%"' || REPLACE(fact, 'validation_', '') || '":"-inf"%' THEN '-inf'
        END AS word,
        1 AS measured
    FROM numbers
    WHERE amount IS NOT NULL OR nonfinite IS NOT NULL
    UNION ALL
    SELECT place, component, fact, run, rank, step, micro_step, NULL, word, 0
    FROM texts
    WHERE word IS NOT NULL
),
paired AS (
    SELECT
        a.place, a.component, a.fact, a.rank, a.step, a.measured,
        (a.amount IS DISTINCT FROM b.amount) OR (a.word IS DISTINCT FROM b.word) AS differs,
        ABS(a.amount - b.amount) AS abs_diff,
        CASE WHEN ABS(a.amount) > ABS(b.amount) THEN ABS(a.amount) ELSE ABS(b.amount) END AS size
    FROM recorded AS a
    INNER JOIN recorded AS b
        ON a.place = b.place AND a.rank = b.rank AND a.step = b.step AND a.micro_step = b.micro_step
    WHERE
        a.run = :run AND b.run = :other
        AND (a.amount IS NOT NULL OR a.word IS NOT NULL) AND (b.amount IS NOT NULL OR b.word IS NOT NULL)
),
judged AS (
    SELECT
        place, component, fact, rank, step, differs, abs_diff, abs_diff / NULLIF(size, 0) AS rel_diff,
        CASE
            WHEN NOT differs THEN 0
            WHEN abs_diff <= :atol + :rtol * size THEN 0
            WHEN measured = 0 AND fact NOT IN ('sample_labels', 'learning_rates') THEN 0
            ELSE 1
        END AS beyond
    FROM paired
),
extremes AS (
    SELECT
        place,
        COUNT(*) AS num_common,
        COUNT(*) FILTER (WHERE rank = (SELECT MIN(rank) FROM segments WHERE run = :run)) AS num_common_steps,
        COUNT(*) FILTER (WHERE differs) AS num_differing,
        MAX(abs_diff) AS max_abs_diff,
        MAX(rel_diff) AS max_rel_diff,
        MIN(step) FILTER (WHERE differs) AS first_step,
        MIN(step) FILTER (WHERE beyond = 1) AS first_beyond_step
    FROM judged
    GROUP BY place
),
parting AS (SELECT MIN(first_step) AS step FROM extremes),
places AS (
    SELECT
        j.place,
        MIN(j.component) AS component,
        MIN(j.fact) AS fact,
        MIN(j.rank) FILTER (WHERE j.differs AND j.step = e.first_step) AS first_rank,
        MAX(j.step) FILTER (WHERE e.first_step IS NULL OR j.step < e.first_step) AS last_equal_step,
        MIN(j.step) FILTER (WHERE j.abs_diff = e.max_abs_diff AND j.abs_diff > 0) AS max_abs_diff_step,
        MIN(j.step) FILTER (WHERE j.rel_diff = e.max_rel_diff AND j.rel_diff > 0) AS max_rel_diff_step,
        MAX(j.step) FILTER (WHERE j.step < p.step) AS last_step_before_parting,
        COUNT(*) FILTER (WHERE j.step = p.step) AS num_at_parting
    FROM judged AS j
    INNER JOIN extremes AS e ON j.place = e.place
    CROSS JOIN parting AS p
    GROUP BY j.place
)
SELECT
    p.component, p.fact, e.num_common, e.num_common_steps, e.num_differing, e.first_step, p.first_rank,
    p.last_equal_step, e.first_beyond_step, e.max_abs_diff, p.max_abs_diff_step, e.max_rel_diff, p.max_rel_diff_step,
    p.last_step_before_parting, p.num_at_parting
FROM places AS p
INNER JOIN extremes AS e ON p.place = e.place
ORDER BY p.place
