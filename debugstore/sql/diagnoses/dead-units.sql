-- title: Most units of a layer are never active
-- severity: error
-- without-effect: note
-- stage: model
-- moment: step
-- confidence: likely
-- needs: module_activations.inactive_share
-- explains: not-learning, zero-gradients, vanishing-gradients, learning-rate-too-low
-- message: {observed} of the units of {subject} were zero in every sample of a window of steps
-- param: inactive = 0.9  -- share of a layer's units; a healthy ReLU layer keeps most of its units for some sample
-- why: A unit that is zero for every sample has no gradient and never comes back.
-- remedy: Start biases at zero, lower the learning rate, or use an activation with a slope everywhere: `nn.GELU()`.
-- silent-on: entries that are zero for some samples, experts that were not called
-- evidence: SELECT step, module, type, inactive_share, input_inactive_share FROM current_module_activations WHERE run = :run AND (inactive_share > :inactive OR input_inactive_share > :inactive) ORDER BY step LIMIT 20
WITH worst AS (
    SELECT
        step,
        module,
        forward_idx,
        CASE
            WHEN COALESCE(input_inactive_share, 0) > COALESCE(inactive_share, 0) THEN input_inactive_share
            ELSE inactive_share
        END AS inactive,
        CASE
            WHEN COALESCE(input_inactive_share, 0) > COALESCE(inactive_share, 0) THEN 'what enters '
            ELSE ''
        END AS side
    FROM current_module_activations
    WHERE run = :run
)
SELECT step, side || module AS subject, inactive AS observed, :inactive AS threshold
FROM worst
WHERE inactive > :inactive
ORDER BY step, forward_idx
