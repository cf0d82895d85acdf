-- The rows of {table} that count, with the step of the event they are part of, and a parameter's name where it has one.
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
{joined}
WHERE s.superseded_from IS NULL OR e.step < s.superseded_from
