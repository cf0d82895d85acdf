-- title: The validation loss and accuracy of a run, at best and last
WITH best AS (
    SELECT MIN(loss) AS loss, MAX(accuracy) AS accuracy, MAX(step) AS last_step
    FROM current_validations
    WHERE run = :run
)
SELECT
    b.loss AS validation_loss_best,
    b.accuracy AS validation_accuracy_best,
    MIN(v.step) FILTER (WHERE v.loss = b.loss) AS validation_loss_best_step,
    MIN(v.step) FILTER (WHERE v.accuracy = b.accuracy) AS validation_accuracy_best_step,
    AVG(v.loss) FILTER (WHERE v.step = b.last_step) AS validation_loss_final,
    AVG(v.accuracy) FILTER (WHERE v.step = b.last_step) AS validation_accuracy_final
FROM current_validations AS v
CROSS JOIN best AS b
WHERE v.run = :run
GROUP BY b.loss, b.accuracy
