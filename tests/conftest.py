"""Fixtures that every folder of tests may use."""

from tests.support.stores import database, memory, postgres_server, postgres_url, store_url

__all__ = ["database", "memory", "postgres_server", "postgres_url", "store_url"]
