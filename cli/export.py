"""`debugstore export`: a run as it came in, or one table of it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from debugstore.errors import ArgumentError
from debugstore.render.formats import Format

from . import options
from .options import Db, RunArgument


class ExportFormat(StrEnum):
    """What a run can be given back as."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def export(
    context: typer.Context,
    run: RunArgument = "latest",
    db: Db = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here, packed if it ends in .gz.")
    ] = None,
    format: Annotated[
        ExportFormat, typer.Option("--format", "-f", help="The events as they came, or one table.")
    ] = ExportFormat.JSONL,
    table: Annotated[str, typer.Option("--table", help="The table, for csv and parquet.")] = "steps",
) -> None:
    """Give back every event of a run as the line of JSON that came in, value for value.

    \b
    Examples:
      debugstore export baseline > baseline.jsonl
      debugstore export latest -o latest.jsonl.gz
      debugstore export baseline | debugstore --db other.db ingest -
      debugstore export baseline --format csv --table grads > grads.csv
      debugstore export baseline --format parquet -o steps.parquet
    """
    with options.opened(context, db) as store:
        if format is ExportFormat.PARQUET:
            if output is None:
                raise ArgumentError("parquet is no text: say where to with -o FILE")
            store.frame(table, run, library="polars").write_parquet(output)
        elif format is ExportFormat.CSV:
            from debugstore.render.tables import render_rows

            answer = store.table(table, run)
            options.write(render_rows(answer.rows, answer.columns, Format.CSV), output)
        else:
            options.write_bytes(store.export(run), output)
