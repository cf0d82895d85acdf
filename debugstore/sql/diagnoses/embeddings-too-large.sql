-- title: Embeddings start far above unit scale
-- severity: warning
-- without-effect: note
-- stage: initialization
-- confidence: likely
-- needs: module_activations.std
-- explains: not-learning, not-finite, unstable, saturated-units, overfitting,
--   vanishing-gradients, learning-rate-too-low
-- message: what {subject} looks up has a standard deviation of {observed} at the start, at most {threshold} is sound
-- param: std = 5.0  -- standard deviation; nn.Embedding starts with 1, language models with 0.02
-- why: What comes after is a small addition to a large vector, and an update moves it by next to nothing.
-- remedy: Start them small: `nn.init.normal_(embedding.weight, std=0.02)`.
-- silent-on: a scale that is applied after the look-up
-- evidence: SELECT step, module, std FROM current_module_activations WHERE run = :run AND type = 'Embedding' ORDER BY step LIMIT 20
SELECT step, module AS subject, std AS observed, :std AS threshold
FROM current_module_activations
WHERE
    run = :run
    AND type = 'Embedding'
    AND std > :std
    AND step = (SELECT MIN(a.step) FROM current_activations AS a WHERE a.run = :run)
ORDER BY std DESC
