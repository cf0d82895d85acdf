-- title: Every run of the store, in the order it came
SELECT id AS run
FROM runs
ORDER BY id
