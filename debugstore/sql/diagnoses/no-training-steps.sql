-- title: Epochs passed without a training step
-- severity: warning
-- stage: data
-- confidence: certain
-- needs: epochs.epoch
-- message: {observed} epochs began and no step was logged
-- why: The loader yields no batch, as with `drop_last=True` and a batch larger than the data.
-- remedy: Print `len(loader)`; lower the batch size or set `drop_last=False`.
-- evidence: SELECT step, epoch FROM current_epochs WHERE run = :run ORDER BY step LIMIT 20
SELECT MIN(step) AS step, 'loader' AS subject, COUNT(*) AS observed, 0 AS threshold
FROM current_epochs
WHERE run = :run AND NOT EXISTS (SELECT 1 FROM steps AS s WHERE s.run = :run)
HAVING COUNT(*) >= 2
