"""`debugstore runs`: what is in the store."""

import typer

from debugstore.render.formats import Format

from . import options
from .options import Db, FormatOption

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    db: Db = None,
    where: options.Where = None,
    tag: options.Tag = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """List the runs of the store, the newest first.

    \b
    Examples:
      debugstore runs
      debugstore runs --tag sweep --format json
      debugstore runs --where 'config.lr >= 1e-3 and status == "failed"'
    """
    if context.invoked_subcommand is not None:
        return
    from debugstore.render.listings import render_runs

    with options.opened(context, db) as store:
        found = store.runs(where=where, tag=tag)
    options.write(render_runs(found, format=format, width=options.terminal_width()))
