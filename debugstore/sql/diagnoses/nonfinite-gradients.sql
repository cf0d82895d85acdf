-- title: Gradients are NaN or infinite
-- severity: error
-- stage: symptom
-- moment: step
-- confidence: certain
-- needs: grads.total_norm
-- explains: nonfinite-parameters, later nonfinite-loss, not-learning
-- message: {observed} gradients are not finite at step {first_step}, the first in {subject}
-- param: settled_steps = 100  -- a gradient scaler may overflow while it looks for its scale; the default one needs 20 steps
-- why: An optimizer step with such a gradient writes NaN into the parameters and into its own state, for good.
-- remedy: Clip gradients, lower the learning rate, or unscale before you look: `torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)`.
-- silent-on: single overflows under a gradient scaler, which skips the step
-- evidence: SELECT step, total_norm, num_nonfinite, first_nonfinite_param FROM current_grads WHERE run = :run AND step >= :first_step - 50 ORDER BY step LIMIT 20
WITH marked AS (
    SELECT
        rank,
        segment,
        seq,
        step,
        first_nonfinite_param,
        num_nonfinite,
        CASE WHEN num_nonfinite > 0 OR nonfinite LIKE '%"total_norm":%' THEN 1 ELSE 0 END AS bad,
        loss_scale
    FROM current_grads
    WHERE run = :run
),
in_order AS (
    SELECT
        marked.*,
        MIN(step) OVER (PARTITION BY rank) AS start_step,
        LEAD(bad) OVER (PARTITION BY rank ORDER BY step, segment, seq) AS next_bad
    FROM marked
    WHERE EXISTS (
        SELECT 1 FROM current_grads AS g
        WHERE g.run = :run AND (g.num_nonfinite > 0 OR g.nonfinite LIKE '%"total_norm":%')
    )
)
SELECT step, COALESCE(first_nonfinite_param, 'total_norm') AS subject, num_nonfinite AS observed, 0 AS threshold, rank
FROM in_order
WHERE
    bad = 1
    AND (loss_scale IS NULL OR (step >= start_step + :settled_steps AND next_bad = 1))
ORDER BY step, rank
