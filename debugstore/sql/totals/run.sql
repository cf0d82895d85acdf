-- title: How many steps of a long run are logged
SELECT SUM(num_steps) AS num_logged_steps, MIN(first_step) AS first_step, MAX(last_step) AS last_step
FROM digest_stretches
WHERE run = :run
