-- title: Activations grow from layer to layer
-- severity: error
-- without-effect: note
-- stage: model
-- confidence: likely
-- needs: module_activations.std
-- explains: not-learning, not-finite, unstable, initial-loss-too-high, learning-rate-too-high, exploding-gradients, overfitting,
--   clip-too-tight
-- message: the outputs of {subject} have a standard deviation of {observed}, those of the first layer {threshold}
-- param: growth = 30.0  -- largest / first standard deviation before anything was learned; a sound stack stays within ten
-- param: jump = 10.0    -- largest growth from one module to the next; a single larger one is an initialization, not a depth
-- why: What grows by a little in each layer is out of bounds after many; the loss and the gradients are as large.
-- remedy: Normalise inside the stack, `nn.LayerNorm(width)`, or scale residual branches by 1 / sqrt(depth).
-- silent-on: a single layer with large outputs
-- evidence: SELECT step, module, type, forward_idx, std, abs_max FROM current_module_activations WHERE run = :run ORDER BY step, forward_idx LIMIT 40
WITH beginning AS (
    SELECT
        step,
        module,
        type,
        forward_idx,
        std,
        FIRST_VALUE(std) OVER in_depth AS first_std,
        std / NULLIF(LAG(std) OVER in_depth, 0) AS jump
    FROM current_module_activations
    WHERE
        run = :run
        AND std > 0
        AND step = (SELECT MIN(a.step) FROM current_activations AS a WHERE a.run = :run)
        AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
    WINDOW in_depth AS (ORDER BY forward_idx)
),
judged AS (
    SELECT
        beginning.*,
        -- a recurrent layer is as deep as its sequence is long
        MAX(CASE WHEN type NOT IN ('RNN', 'LSTM', 'GRU', 'RNNCell', 'LSTMCell', 'GRUCell') THEN jump END)
            OVER () AS largest_jump,
        ROW_NUMBER() OVER (ORDER BY std DESC) AS by_std
    FROM beginning
)
SELECT step, module AS subject, std AS observed, first_std AS threshold
FROM judged
WHERE
    by_std = 1
    AND std > :growth * first_std
    AND COALESCE(largest_jump, 0) < :jump
