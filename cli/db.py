"""`debugstore db`: the store itself."""

import typer

from . import options
from .options import Db

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def db(context: typer.Context) -> None:
    """Look after the store itself.

    \b
    Examples:
      debugstore db upgrade
    """
    if context.invoked_subcommand is None:
        options.fail_with_help(context)


@app.command()
def upgrade(context: typer.Context, db: Db = None) -> None:
    """Bring a store to the schema of this debugstore; one that has it already stays as it is.

    \b
    Examples:
      debugstore db upgrade
      debugstore --db postgresql://host/logs db upgrade
    """
    with options.opened(context, db) as store:
        before, after = store.upgrade()
    change = f"has schema {after} already" if before == after else f"is at schema {after} now, it was at {before}"
    options.write(f"store {change}")
