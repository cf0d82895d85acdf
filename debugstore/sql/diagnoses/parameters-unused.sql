-- title: Trainable parameters take no part
-- severity: note
-- stage: wiring
-- confidence: certain
-- needs: wiring.num_trainable_not_reached, wiring.num_not_reached_used
-- message: {observed} trainable tensors belong to modules that did not run: {subject}
-- why: They cost memory and are saved, but nothing trains them; harmless if it is meant.
-- remedy: Remove the module, or call it.
-- silent-on: modules that run in later steps, such as experts; parameters that another loss than the logged one moves
-- evidence: SELECT step, num_trainable_not_reached, num_not_reached_used, trainable_not_reached FROM current_wiring WHERE run = :run
SELECT
    step,
    trainable_not_reached AS subject,
    num_trainable_not_reached - num_not_reached_used AS observed,
    0 AS threshold
FROM current_wiring AS w
WHERE
    run = :run
    AND num_trainable_not_reached > num_not_reached_used
    AND NOT COALESCE(loss_is_leaf, FALSE)
    AND NOT EXISTS (
        SELECT 1 FROM current_param_updates AS u
        WHERE u.run = :run AND u.rank = w.rank AND u.num_params_updated > w.num_trainable - w.num_trainable_not_reached
    )
ORDER BY step
