-- title: How many losses of a long run are finite
-- why: Of the lowest rank, as in the report.
SELECT SUM(t.num_losses) AS num_losses
FROM digest_stretches AS t
INNER JOIN segments AS s ON t.segment = s.id
INNER JOIN main_spans AS b ON t.run = b.run AND s.rank = b.rank
WHERE t.run = :run
