-- One row per logged step that counts, by run: what a plot of the training needs.
CREATE VIEW loss_curve AS
SELECT
    r.run_id,
    t.run,
    t.rank,
    t.step,
    t.epoch,
    t.timestamp,
    t.loss,
    t.accuracy,
    t.learning_rate,
    t.nonfinite
FROM current_steps AS t
INNER JOIN runs AS r ON t.run = r.id
