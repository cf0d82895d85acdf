"""`debugstore show`: every event near a step."""

from typing import Annotated

import typer

from debugstore.render.formats import Format

from . import options
from .options import Db, FormatOption, RunArgument


def show(
    context: typer.Context,
    around: Annotated[int, typer.Option("--around", metavar="STEP", help="The step to look at.")],
    run: RunArgument = "latest",
    window: Annotated[int, typer.Option("--window", min=0, help="Steps on either side.")] = 10,
    db: Db = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Show every event of a run near a step, of every kind, rank and segment.

    \b
    Examples:
      debugstore show baseline --around 1200
      debugstore show latest --around 0 --window 2 --format nl | jq .data
    """
    from debugstore.render.listings import render_events

    with options.opened(context, db) as store:
        events = store.show(run, around=around, window=window)
    if not events:
        options.say(f"debugstore: no event within {window} steps of step {around}")
    options.write(render_events(events, format=format, width=options.terminal_width()))
