"""`debugstore export`: a run as it came in."""

from pathlib import Path
from typing import Annotated

import typer

from . import options
from .options import Db, RunArgument


def export(
    context: typer.Context,
    run: RunArgument = "latest",
    db: Db = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here, packed if it ends in .gz.")
    ] = None,
) -> None:
    """Give back every event of a run as the line of JSON that came in, value for value.

    \b
    Examples:
      debugstore export baseline > baseline.jsonl
      debugstore export latest -o latest.jsonl.gz
      debugstore export baseline | debugstore --db other.db ingest -
    """
    with options.opened(context, db) as store:
        lines = store.export(run)
        if output is None:
            options.write_bytes(lines)
        else:
            options.write_file(output, lines)
