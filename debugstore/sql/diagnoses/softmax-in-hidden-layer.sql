-- title: A softmax stands inside the model
-- severity: error
-- without-effect: note
-- stage: model
-- confidence: possible
-- needs: module_activations.type
-- explains: not-learning, vanishing-gradients, learning-rate-too-low
-- message: {subject} squeezes its layer into outputs that sum to 1, with a standard deviation of {observed}
-- param: spread = 0.1  -- standard deviation of its outputs; they are next to constant below it
-- why: What passes it is next to constant, and so is every gradient behind it.
-- remedy: Use an activation that keeps the scale: `nn.ReLU()` or `nn.GELU()`.
-- silent-on: nothing; where it does no visible harm, as in attention, it is a note
-- evidence: SELECT step, module, type, forward_idx, std FROM current_module_activations WHERE run = :run AND type LIKE 'Softmax%' ORDER BY step LIMIT 20
SELECT a.step, a.module AS subject, a.std AS observed, :spread AS threshold
FROM current_module_activations AS a
WHERE
    a.run = :run
    AND a.type LIKE 'Softmax%'
    AND a.std < :spread
    AND EXISTS (
        SELECT 1 FROM module_activations AS later
        WHERE later.run = :run AND later.segment = a.segment AND later.seq = a.seq AND later.forward_idx > a.forward_idx
            AND later.type NOT LIKE 'Softmax%'
    )
ORDER BY a.step, a.forward_idx
