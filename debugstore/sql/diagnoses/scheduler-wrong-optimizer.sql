-- title: The scheduler drives an optimizer that is not used
-- severity: warning
-- stage: hyperparameters
-- confidence: certain
-- needs: wiring.num_scheduler_mismatch
-- explains: not-learning, scheduler-not-stepped
-- message: {observed} schedulers change the learning rate of an optimizer that does not train this model
-- why: The optimizer in use keeps its first learning rate: no warm-up, no decay.
-- remedy: Build it from the optimizer that steps: `scheduler = CosineAnnealingLR(optimizer, T_max=total_steps)`.
-- evidence: SELECT step, num_scheduler_mismatch FROM current_wiring WHERE run = :run
SELECT step, 'scheduler' AS subject, num_scheduler_mismatch AS observed, 0 AS threshold
FROM current_wiring
WHERE run = :run AND num_scheduler_mismatch > 0
ORDER BY step
