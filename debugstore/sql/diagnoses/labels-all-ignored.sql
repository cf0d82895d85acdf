-- title: Every label is ignored
-- severity: error
-- without-effect: note
-- stage: data
-- confidence: certain
-- needs: steps.num_valid_tokens
-- explains: not-learning, not-finite, zero-gradients, no-parameter-updates, loss-spike
-- message: {count} logged batches hold no label that counts; {observed} labels equal ignore_index at step {step}
-- why: A mean over nothing is NaN, a sum over nothing is 0: the step trains nothing or spoils everything.
-- remedy: Check what the collator masks, and skip empty batches: `if (y != ignore_index).any():`.
-- evidence: SELECT step, num_valid_tokens, num_ignored, loss FROM current_steps WHERE run = :run AND num_valid_tokens = 0 ORDER BY step LIMIT 20
SELECT step, 'labels' AS subject, num_ignored AS observed, 0 AS threshold, rank
FROM current_steps
WHERE run = :run AND num_valid_tokens = 0
ORDER BY step, rank
