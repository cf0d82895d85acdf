-- The rows of {table} that count: those a later segment of the same rank did not repeat.
CREATE VIEW current_{table} AS
SELECT
    {columns}
FROM {table} AS t
INNER JOIN segments AS s ON t.segment = s.id
WHERE s.superseded_from IS NULL OR t.step < s.superseded_from
