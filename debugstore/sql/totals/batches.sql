-- title: The logged batches of a long run, all of them
SELECT SUM(num_steps) AS steps
FROM digest_stretches
WHERE run = :run
