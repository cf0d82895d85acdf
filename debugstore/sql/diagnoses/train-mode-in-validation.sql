-- title: The model is validated in train mode
-- severity: warning
-- stage: loop
-- confidence: certain
-- needs: validations.num_train_mode_forwards
-- explains: overfitting
-- message: {observed} of {threshold} validation forwards ran with dropout or norm modules in train mode
-- param: share = 0.5  -- of a validation's forward passes
-- why: Dropout makes the result noisy and worse, and batch norm learns the validation data's statistics.
-- remedy: Call `model.eval()` before validation, under `torch.no_grad()`, and `model.train()` after it.
-- evidence: SELECT step, loss, num_forwards, num_train_mode_forwards FROM current_validations WHERE run = :run ORDER BY step LIMIT 20
SELECT step, 'validation' AS subject, num_train_mode_forwards AS observed, num_forwards AS threshold
FROM current_validations
WHERE run = :run AND num_train_mode_forwards > :share * num_forwards
ORDER BY step
