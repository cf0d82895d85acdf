-- title: Validations
-- param: since_step = 0  -- first step that counts
SELECT
    step,
    epoch,
    rank,
    loss,
    CASE
        WHEN nonfinite LIKE '%"loss":"nan"%' THEN 'nan'
        WHEN nonfinite LIKE '%"loss":"inf"%' THEN 'inf'
        WHEN nonfinite LIKE '%"loss":"-inf"%' THEN '-inf'
    END AS loss_word,
    accuracy
FROM current_validations
WHERE run = :run AND step >= :since_step
ORDER BY step, rank, segment, seq
