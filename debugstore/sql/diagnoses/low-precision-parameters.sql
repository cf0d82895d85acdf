-- title: The parameters themselves are in half precision
-- severity: error
-- without-effect: note
-- stage: precision
-- confidence: likely
-- needs: wiring.param_dtypes
-- explains: not-learning, not-finite, updates-lost-to-rounding, learning-rate-too-low, zero-gradients
-- message: the trainable tensors are {subject}
-- why: An update smaller than a thousandth of a weight is rounded away, and Adam's eps and squared gradients are 0 in float16.
-- remedy: Keep parameters in float32 and compute in half precision: `with torch.autocast(device_type, dtype=torch.bfloat16):`.
-- evidence: SELECT step, param_dtypes FROM current_wiring WHERE run = :run
SELECT step, param_dtypes AS subject, NULL AS observed, NULL AS threshold
FROM current_wiring
WHERE run = :run AND (param_dtypes LIKE '%"float16"%' OR param_dtypes LIKE '%"bfloat16"%')
ORDER BY step
