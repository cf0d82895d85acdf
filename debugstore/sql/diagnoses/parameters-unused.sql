-- title: Trainable parameters take no part
-- severity: note
-- stage: wiring
-- confidence: certain
-- needs: wiring.num_trainable_not_reached, wiring.num_not_reached_used
-- message: {observed} trainable tensors belong to modules that did not run: {subject}
-- why: They cost memory and are saved, but nothing trains them; harmless if it is meant.
-- remedy: Remove the module, or call it.
-- evidence: SELECT step, num_trainable_not_reached, num_not_reached_used, trainable_not_reached FROM current_wiring WHERE run = :run
SELECT
    step,
    trainable_not_reached AS subject,
    num_trainable_not_reached - num_not_reached_used AS observed,
    0 AS threshold
FROM current_wiring
WHERE run = :run AND num_trainable_not_reached > num_not_reached_used AND NOT COALESCE(loss_is_leaf, FALSE)
ORDER BY step
