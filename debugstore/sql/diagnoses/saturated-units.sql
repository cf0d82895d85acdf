-- title: A layer's units are stuck at the ends of their range
-- severity: error
-- without-effect: note
-- stage: model
-- confidence: likely
-- needs: module_activations.saturated_share
-- explains: not-learning, zero-gradients, vanishing-gradients, learning-rate-too-low
-- message: {observed} of the outputs of {subject} lie at the flat ends of its activation
-- param: saturated = 0.8  -- share of outputs; a trained tanh layer has some, a dead one nearly all
-- why: The slope there is next to zero, so no gradient passes through.
-- remedy: Scale weights and inputs down, or use an activation that does not flatten: `nn.GELU()`.
-- silent-on: layers with some saturated units
-- evidence: SELECT step, module, type, saturated_share FROM current_module_activations WHERE run = :run AND saturated_share > :saturated ORDER BY step LIMIT 20
SELECT step, module AS subject, saturated_share AS observed, :saturated AS threshold
FROM current_module_activations
WHERE run = :run AND saturated_share > :saturated
ORDER BY step, forward_idx
