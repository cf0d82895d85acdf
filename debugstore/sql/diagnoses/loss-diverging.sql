-- title: The loss rises
-- severity: warning
-- stage: symptom
-- needs: steps.loss
-- explains: loss-flat, accuracy-flat
-- message: the median loss of the last quarter is {observed}, the run came from {threshold}
-- param: min_rows = 12   -- logged losses below which a trend is guesswork
-- param: rise = 0.2      -- share of the earlier loss; harder data late in a curriculum rarely costs as much
-- param: noise = 16.0    -- squared standard errors of a difference of medians: four of them
-- param: harmless = 0.1   -- loss / loss of guessing; below it the model is right nearly always, and what rises is noise
-- why: The optimizer moves away from what it should find; more steps make it worse.
-- remedy: Stop the run, go back to the checkpoint before the rise, divide the learning rate by 10 or clip gradients.
-- silent-on: losses near zero, several optimizers against each other (a GAN), single spikes
-- evidence: SELECT step, loss, accuracy, learning_rate FROM current_steps WHERE run = :run ORDER BY step DESC LIMIT 20
WITH fourths AS (
    SELECT
        s.step,
        s.loss,
        CASE
            WHEN s.step >= b.last_step THEN 4
            ELSE 1 + 4 * (s.step - b.first_step) / (b.last_step - b.first_step)
        END AS fourth
    FROM current_steps AS s
    INNER JOIN main_spans AS b ON s.run = b.run AND s.rank = b.rank
    WHERE s.run = :run AND s.loss IS NOT NULL
),
ranked AS (
    SELECT
        fourth,
        step,
        loss,
        AVG(loss) OVER (PARTITION BY fourth) AS mean_loss,
        ROW_NUMBER() OVER (PARTITION BY fourth ORDER BY loss) AS by_loss,
        COUNT(*) OVER (PARTITION BY fourth) AS num_part
    FROM fourths
),
medians AS (
    SELECT
        fourth,
        MAX(step) AS last_step,
        MAX(num_part) AS num_part,
        AVG(loss) FILTER (WHERE by_loss IN ((num_part + 1) / 2, (num_part + 2) / 2)) AS median_loss,
        -- of normal noise: mean distance from the mean = 0.798 deviations, error of a median = 1.2533 deviations / sqrt(n)
        AVG(ABS(loss - mean_loss)) / 0.798 * 1.2533 AS deviation
    FROM ranked
    GROUP BY fourth
),
risen AS (
    SELECT
        lowest.last_step AS first_step,
        late.last_step,
        late.median_loss,
        lowest.median_loss AS lowest_loss
    FROM medians AS late
    INNER JOIN medians AS lowest ON lowest.fourth < late.fourth
    INNER JOIN medians AS early ON early.fourth = 1
    WHERE
        late.fourth = 4
        AND (SELECT SUM(m.num_part) FROM medians AS m) >= :min_rows
        AND late.median_loss - lowest.median_loss > :rise * ABS(lowest.median_loss)
        AND (late.median_loss - lowest.median_loss) * (late.median_loss - lowest.median_loss)
        > :noise
        * (late.deviation * late.deviation / late.num_part + lowest.deviation * lowest.deviation / lowest.num_part)
        AND late.median_loss > 0.5 * early.median_loss
        AND late.median_loss > :harmless * COALESCE(
            (
                SELECT AVG(CASE WHEN g.cross_entropy IS NULL THEN g.label_variance ELSE g.label_entropy END)
                FROM current_steps AS g
                WHERE g.run = :run
            ),
            0
        )
        AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
    ORDER BY lowest.median_loss
    LIMIT 1
)
SELECT first_step AS step, 'loss' AS subject, median_loss AS observed, lowest_loss AS threshold FROM risen
UNION ALL
SELECT last_step AS step, 'loss' AS subject, median_loss AS observed, lowest_loss AS threshold FROM risen
