-- title: The logged steps of a long run, all of them, by epoch
-- why: A stretch that begins in one epoch and ends in another is counted row by row.
WITH edges AS (
    SELECT
        t.run,
        t.segment,
        t.low_seq,
        t.high_seq,
        t.num_steps,
        t.num_losses,
        t.loss_sum,
        t.num_accuracies,
        t.accuracy_sum,
        g.rank,
        g.superseded_from,
        (
            SELECT f.epoch FROM steps AS f
            WHERE f.run = t.run AND f.segment = t.segment AND f.seq >= t.low_seq
            ORDER BY f.seq LIMIT 1
        ) AS first_epoch,
        (
            SELECT l.epoch FROM steps AS l
            WHERE l.run = t.run AND l.segment = t.segment AND l.seq < t.high_seq
            ORDER BY l.seq DESC LIMIT 1
        ) AS last_epoch
    FROM digest_stretches AS t
    INNER JOIN segments AS g ON t.segment = g.id
    WHERE t.run = :run AND t.num_steps > 0
),
counted AS (
    SELECT first_epoch AS epoch, rank, num_steps, num_losses, loss_sum, num_accuracies, accuracy_sum
    FROM edges
    WHERE first_epoch = last_epoch OR (first_epoch IS NULL AND last_epoch IS NULL)
    UNION ALL
    SELECT
        s.epoch,
        s.rank,
        1 AS num_steps,
        CASE WHEN s.loss IS NULL THEN 0 ELSE 1 END AS num_losses,
        s.loss AS loss_sum,
        CASE WHEN s.accuracy IS NULL THEN 0 ELSE 1 END AS num_accuracies,
        s.accuracy AS accuracy_sum
    FROM edges AS e
    INNER JOIN steps AS s ON e.run = s.run AND e.segment = s.segment AND s.seq >= e.low_seq AND s.seq < e.high_seq
    WHERE
        e.first_epoch IS DISTINCT FROM e.last_epoch
        AND (e.superseded_from IS NULL OR s.step < e.superseded_from)
)
SELECT
    c.epoch,
    SUM(CASE WHEN c.rank = b.rank THEN c.num_steps ELSE 0 END) AS steps,
    SUM(c.loss_sum) / NULLIF(SUM(c.num_losses), 0) AS loss_mean,
    SUM(c.accuracy_sum) / NULLIF(SUM(c.num_accuracies), 0) AS accuracy_mean,
    SUM(c.num_steps - c.num_losses) AS num_nonfinite
FROM counted AS c
INNER JOIN main_spans AS b ON b.run = :run
GROUP BY c.epoch
ORDER BY c.epoch
