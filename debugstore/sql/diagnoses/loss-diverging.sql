-- title: The loss rises
-- severity: warning
-- stage: symptom
-- needs: steps.loss
-- explains: loss-flat, accuracy-flat
-- message: the median loss of the last quarter is {observed}, the run came from {threshold}
-- param: min_rows = 12   -- logged losses below which a trend is guesswork
-- param: rise = 0.2      -- share of the earlier loss; harder data late in a curriculum rarely costs as much
-- param: noise = 16.0    -- squared standard errors of a difference of medians: four of them
-- why: The optimizer moves away from what it should find; more steps make it worse.
-- remedy: Stop the run, go back to the checkpoint before the rise, divide the learning rate by 10 or clip gradients.
-- silent-on: several optimizers against each other (a GAN), single spikes
-- evidence: SELECT step, loss, accuracy, learning_rate FROM current_steps WHERE run = :run ORDER BY step DESC LIMIT 20
WITH logged AS (
    SELECT step, loss
    FROM current_steps
    WHERE run = :run AND loss IS NOT NULL AND rank = (SELECT MIN(g.rank) FROM segments AS g WHERE g.run = :run)
),
bounds AS (
    SELECT MIN(step) AS first_step, MAX(step) AS last_step, COUNT(*) AS num_rows FROM logged
),
quartered AS (
    SELECT
        l.step,
        l.loss,
        CASE
            WHEN l.step = b.last_step THEN 4
            ELSE 1 + 4 * (l.step - b.first_step) / (b.last_step - b.first_step)
        END AS fourth
    FROM logged AS l
    CROSS JOIN bounds AS b
    WHERE b.num_rows >= :min_rows AND b.last_step > b.first_step
),
ranked AS (
    SELECT
        fourth,
        step,
        loss,
        AVG(loss) OVER (PARTITION BY fourth) AS mean_loss,
        ROW_NUMBER() OVER (PARTITION BY fourth ORDER BY loss) AS by_loss,
        COUNT(*) OVER (PARTITION BY fourth) AS num_part
    FROM quartered
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
        AND late.median_loss - lowest.median_loss > :rise * ABS(lowest.median_loss)
        AND (late.median_loss - lowest.median_loss) * (late.median_loss - lowest.median_loss)
        > :noise
        * (late.deviation * late.deviation / late.num_part + lowest.deviation * lowest.deviation / lowest.num_part)
        AND late.median_loss > 0.5 * early.median_loss
        AND NOT EXISTS (SELECT 1 FROM optimizer_groups AS o WHERE o.run = :run AND o.optimizer_idx > 0)
    ORDER BY lowest.median_loss
    LIMIT 1
)
SELECT first_step AS step, 'loss' AS subject, median_loss AS observed, lowest_loss AS threshold FROM risen
UNION ALL
SELECT last_step AS step, 'loss' AS subject, median_loss AS observed, lowest_loss AS threshold FROM risen
