"""`debugstore ingest`: logs into the store."""

from typing import Annotated

import typer

from debugstore.render.formats import Format

from . import options
from .options import Db, FormatOption


def ingest(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Logs, plain, .gz or .zst; patterns; folders; '-' for stdin."),
    ],
    db: Db = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 if a line is no event.")] = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """Put logs into the store, which is made if there is none. The same file again adds only what is new.

    \b
    Examples:
      debugstore ingest logs/debug
      debugstore ingest 'logs/**/*.jsonl' old/run.jsonl.gz
      ssh node cat debug.jsonl | debugstore --db team.db ingest -
    """
    from debugstore.render.listings import render_ingest

    from .progress import files_progress

    with options.opened(context, db) as store, files_progress(paths) as on_progress:
        done = store.ingest(paths, on_progress=on_progress)
    options.write(render_ingest(done, format=format, width=options.terminal_width()))
    if strict and done.rejected:
        options.say(f'debugstore: {done.rejected} lines are no events: debugstore sql "SELECT * FROM rejects"')
        raise typer.Exit(options.FAILED)
