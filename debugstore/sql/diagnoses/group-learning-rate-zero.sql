-- title: A parameter group has the learning rate zero
-- severity: warning
-- without-effect: note
-- stage: hyperparameters
-- confidence: likely
-- needs: optimizer_groups.lr
-- explains: not-learning, updates-lost-to-rounding
-- message: group {subject} keeps the learning rate {observed} while another one has {threshold}
-- param: times = 2  -- events that name the groups; a rate of zero at the start alone is a warm-up
-- why: The parameters of that group stay as they are; if that is meant, freezing them is cheaper.
-- remedy: Give the group its own rate, `{'params': ..., 'lr': 1e-4}`, or freeze it: `p.requires_grad_(False)`.
-- silent-on: warm-up, where every group starts at zero
-- evidence: SELECT optimizer_idx, group_idx, lr FROM optimizer_groups WHERE run = :run
WITH groups_seen AS (
    SELECT optimizer_idx, group_idx, MAX(lr) AS largest, COUNT(*) AS times
    FROM optimizer_groups
    WHERE run = :run AND lr IS NOT NULL
    GROUP BY optimizer_idx, group_idx
)
SELECT
    (SELECT MIN(f.step) FROM fit_starts AS f WHERE f.run = :run) AS step,
    CAST(g.group_idx AS TEXT) AS subject,
    g.largest AS observed,
    (SELECT MAX(o.largest) FROM groups_seen AS o) AS threshold
FROM groups_seen AS g
WHERE g.largest = 0 AND g.times >= :times AND (SELECT MAX(o.largest) FROM groups_seen AS o) > 0
ORDER BY g.optimizer_idx, g.group_idx
