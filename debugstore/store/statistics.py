"""What PostgreSQL knows of its tables: told after a large load, before the first question is planned on nothing.

Its own housekeeping looks once a minute and may be off. Until then it takes tables of a hundred thousand rows for empty
ones, and to compare two runs row by row takes minutes instead of seconds. SQLite plans by the keys alone.
"""

from sqlalchemy import text

from debugstore.store import schema
from debugstore.store.database import Database

LOADED_EVENTS = 1000
"""New events below which nothing is looked at: what a training writes into a store by and by never waits for this."""
GROWTH = 1.3
"""Bytes of a table now / when it was looked at last from which it is looked at again."""
WORTH_BYTES = 2**20
"""Bytes of a table below which any plan is a good one."""

_GROWN = """
SELECT c.relname
FROM pg_class AS c
WHERE
    c.relnamespace = CAST(CURRENT_SCHEMA() AS REGNAMESPACE)
    AND c.relkind = 'r'
    AND pg_relation_size(c.oid) >= :worth
    AND pg_relation_size(c.oid) > :growth * c.relpages * CAST(CURRENT_SETTING('block_size') AS BIGINT)
"""


def refresh(database: Database, num_new: int) -> tuple[str, ...]:
    """Have PostgreSQL look at the tables that a load of `num_new` events made much larger; return their names.

    It reads a sample of 30,000 rows of each: under a second where the load took ten. A table that another process looks
    at meanwhile is left to it.
    """
    if database.is_sqlite or num_new < LOADED_EVENTS:
        return ()
    with database.read() as connection:
        grown = connection.execute(text(_GROWN), {"growth": GROWTH, "worth": WORTH_BYTES}).scalars()
        names = tuple(sorted(set(grown) & set(schema.metadata.tables)))
    if names:
        with database.bare() as driver:
            driver.execute(f"ANALYZE (SKIP_LOCKED) {', '.join(names)}")
    return names
