-- title: Weight decay outweighs what the gradients ask for
-- severity: error
-- without-effect: clear
-- stage: hyperparameters
-- needs: param_updates.decay_norm, param_updates.update_norm, param_updates.weight_norm
-- explains: not-learning, zero-gradients, vanishing-gradients, dead-units, learning-rate-too-high, learning-rate-too-low
-- message: decay makes {observed} of a step's change, and the weights shrink to a fraction
-- param: part = 0.05   -- decay / change of a step; momentum makes ten times as much of it, and near convergence it may
--   reach this in health, but then the weights keep their size
-- param: shrunk = 0.5  -- last / first norm of the weights
-- param: share = 0.5   -- of the measured steps
-- why: The parameters are pulled to zero faster than the data can shape them.
-- remedy: Lower it by a factor of 100: `torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)`.
-- silent-on: weights that keep their size, runs that learn
-- evidence: SELECT step, decay_norm, update_norm, weight_norm FROM current_param_updates WHERE run = :run ORDER BY step LIMIT 20
WITH measured AS (
    SELECT
        step,
        decay_norm / NULLIF(update_norm, 0) AS part,
        weight_norm,
        ROW_NUMBER() OVER (ORDER BY step, segment, seq) AS place,
        ROW_NUMBER() OVER (ORDER BY step DESC, segment DESC, seq DESC) AS from_last
    FROM current_param_updates
    WHERE run = :run AND decay_norm > 0 AND update_norm > 0
),
run_wide AS (
    SELECT
        COUNT(*) AS num_rows,
        SUM(CASE WHEN part > :part THEN 1 ELSE 0 END) AS num_dominated,
        MAX(CASE WHEN place = 1 THEN weight_norm END) AS first_norm,
        MAX(CASE WHEN from_last = 1 THEN weight_norm END) AS last_norm
    FROM measured
)
SELECT m.step, 'weight_decay' AS subject, m.part AS observed, :part AS threshold
FROM measured AS m
CROSS JOIN run_wide AS r
WHERE m.part > :part AND r.num_dominated > :share * r.num_rows AND r.last_norm < :shrunk * r.first_norm
ORDER BY m.step
