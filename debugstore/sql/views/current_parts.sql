-- The rows of {table} that count, with the step of the event they are part of.
CREATE VIEW current_{table} AS
SELECT
    t.run,
    t.segment,
    t.seq,
    e.rank,
    e.step,
    e.epoch,
    e.timestamp,
    {columns}
FROM {table} AS t
INNER JOIN {parent} AS e ON t.run = e.run AND t.segment = e.segment AND t.seq = e.seq
INNER JOIN segments AS s ON t.segment = s.id
WHERE s.superseded_from IS NULL OR e.step < s.superseded_from
