"""What alembic runs: revisions over the connection that debugstore gives, or over `alembic.ini`'s to write one."""

from alembic import context
from sqlalchemy import Connection, create_engine

from debugstore.store.schema import metadata


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
        include_name=lambda name, kind, _: kind != "table" or name in metadata.tables,
    )
    context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    with create_engine(context.config.get_main_option("sqlalchemy.url", "sqlite://")).begin() as made:
        _run(made)
