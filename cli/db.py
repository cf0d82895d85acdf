"""`debugstore db`: the store itself."""

from pathlib import Path
from typing import Annotated

import typer

from debugstore.render.formats import Format

from . import options
from .options import Db, FormatOption

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def db(context: typer.Context) -> None:
    """Look after the store itself.

    \b
    Examples:
      debugstore db info
      debugstore db upgrade
      debugstore db backup monday.db
    """
    if context.invoked_subcommand is None:
        options.fail_with_help(context)


@app.command()
def upgrade(context: typer.Context, db: Db = None, format: FormatOption = Format.TABLE) -> None:
    """Bring a store to the schema of this debugstore; one that has it already stays as it is.

    \b
    Examples:
      debugstore db upgrade
      debugstore --db postgresql://host/logs db upgrade
    """
    from debugstore.render.listings import render_done

    with options.opened(context, db) as store:
        before, after = store.upgrade()
    change = f"has schema {after} already" if before == after else f"is at schema {after} now, it was at {before}"
    options.write(render_done([f"the store {change}"], ["before", "after"], [(before, after)], format=format))


@app.command()
def info(context: typer.Context, db: Db = None, format: FormatOption = Format.TABLE) -> None:
    """Say what a store holds, and how much each run and each table takes.

    \b
    Examples:
      debugstore db info
      debugstore db info --format json
    """
    from debugstore.render.listings import render_info

    with options.opened(context, db) as store:
        held = store.info()
    options.write(render_info(held, format=format, width=options.terminal_width()))


@app.command()
def check(context: typer.Context, db: Db = None, format: FormatOption = Format.TABLE) -> None:
    """Say whether a store is sound; a line for each problem and exit code 1 if it is not.

    \b
    Examples:
      debugstore db check
      debugstore db check --format json
    """
    from debugstore.render.listings import render_problems

    with options.opened(context, db) as store:
        problems = store.check()
    options.write(render_problems(problems, format=format))
    if problems:
        raise typer.Exit(options.FINDINGS)


@app.command()
def vacuum(context: typer.Context, db: Db = None, format: FormatOption = Format.TABLE) -> None:
    """Give the space of removed runs back.

    \b
    Examples:
      debugstore db vacuum
    """
    from debugstore.render.listings import render_done, shown_bytes

    with options.opened(context, db) as store:
        before, after = store.vacuum()
    told = f"{shown_bytes(before)} before, {shown_bytes(after)} now"
    options.write(render_done([told], ["bytes_before", "bytes_after"], [(before, after)], format=format))


@app.command()
def backup(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; the copy is a store of SQLite.")],
    db: Db = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Copy a store into a new file, consistently, while others write it.

    \b
    Examples:
      debugstore db backup monday.db
      debugstore --db postgresql://host/logs db backup laptop.db
    """
    from debugstore.render.listings import render_done, shown_bytes

    with options.opened(context, db) as store:
        size = store.backup(target)
    told = f"{target}: {shown_bytes(size)}"
    options.write(render_done([told], ["file", "bytes"], [(str(target), size)], format=format))


@app.command()
def rebuild(context: typer.Context, db: Db = None, format: FormatOption = Format.TABLE) -> None:
    """Derive again what the store derives from its rows: counts, what a resume superseded, the facts of runs.

    \b
    Examples:
      debugstore db rebuild
    """
    from debugstore.render.listings import render_done

    with options.opened(context, db) as store:
        segments = store.rebuild()
    told = f"{segments} segments derived again"
    options.write(render_done([told], ["num_segments"], [(segments,)], format=format))
