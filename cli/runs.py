"""`debugstore runs`: what is in the store, named, tagged, noted, removed."""

import re
from datetime import timedelta
from typing import Annotated

import typer

from debugstore.errors import ArgumentError
from debugstore.render.formats import Format

from . import options
from .options import Db, FormatOption, Yes

app = typer.Typer(rich_markup_mode=None)
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's name, id or unique prefix, or 'latest'.")]


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
        context.find_root().obj = db or context.find_root().obj
        return
    from debugstore.render.listings import render_runs

    with options.opened(context, db) as store:
        found = store.runs(where=where, tag=tag)
    options.write(render_runs(found, format=format, width=options.terminal_width()))


@app.command("rm")
def remove(
    context: typer.Context,
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Runs by name, id or unique prefix.")],
    yes: Yes = False,
    db: Db = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Remove runs and all their rows from the store; their logs stay where they are.

    \b
    Examples:
      debugstore runs rm lr-3e-3
      debugstore runs rm failed-1 failed-2 --yes
    """
    from debugstore.render.listings import render_done

    with options.opened(context, db) as store:
        found = store.find(*runs)
        if not yes:
            named = ", ".join(f"{run.run_id} ({run.num_events} events)" for run in found)
            options.confirm(f"Remove {named}?")
        store.remove(*(run.run_id for run in found))
    removed = [(run.run_id, run.num_events) for run in found]
    told = [f"removed {run.run_id}" for run in found]
    options.write(render_done(told, ["run_id", "num_events"], removed, format=format))


@app.command()
def tag(
    context: typer.Context,
    run: RunName,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG", help="Tags to put on it.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="TAG", help="Take this tag off it.")] = None,
    db: Db = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Put tags on a run, or take them off; print those it has then.

    \b
    Examples:
      debugstore runs tag baseline paper good
      debugstore runs tag baseline --remove good
    """
    from debugstore.render.listings import render_done

    with options.opened(context, db) as store:
        found = store.tag(run, tags or (), remove or ())
    options.write(render_done(found, ["tag"], [(tag,) for tag in found], format=format))


@app.command()
def rename(
    context: typer.Context,
    run: RunName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its new name.")],
    db: Db = None,
) -> None:
    """Give a run another name; its id stays, by which its logs know it.

    \b
    Examples:
      debugstore runs rename baseline-7f3a first-good
    """
    with options.opened(context, db) as store:
        store.rename(run, name)


@app.command()
def note(
    context: typer.Context,
    run: RunName,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note; '' takes it away.")],
    db: Db = None,
) -> None:
    """Write a note on a run, in place of the one it has.

    \b
    Examples:
      debugstore runs note baseline "before the tokenizer was changed"
    """
    with options.opened(context, db) as store:
        store.note(run, text or None)


@app.command()
def prune(
    context: typer.Context,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Age of the last event, as 30d, 12h, 90m, 2w.")
    ],
    keep_tagged: Annotated[bool, typer.Option("--keep-tagged/--with-tagged", help="Keep runs that have a tag.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")] = False,
    yes: Yes = False,
    db: Db = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Remove the runs that ended long ago, and list them.

    \b
    Examples:
      debugstore runs prune --older-than 30d --dry-run
      debugstore runs prune --older-than 8w --with-tagged --yes
    """
    from debugstore.render.listings import render_runs

    age = _age(older_than)
    with options.opened(context, db) as store:
        found = store.prune(age, keep_tagged=keep_tagged, dry_run=True)
        if found and not dry_run:
            if not yes:
                options.confirm(f"Remove {len(found)} runs: {', '.join(run.run_id for run in found)}?")
            found = store.prune(age, keep_tagged=keep_tagged)
    options.write(render_runs(found, format=format, width=options.terminal_width()))


def _age(text: str) -> timedelta:
    """Read an age: a number and a unit.

    Raises:
        ArgumentError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip())
    if found is None:
        raise ArgumentError(f"an age is a number and one of s, m, h, d, w, as in 30d, got '{text}'")
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    try:
        return timedelta(**{units[found[2]]: float(found[1])})
    except OverflowError:
        raise ArgumentError(f"the age {text} is too long") from None
