"""`debugstore sql`: any question, read-only."""

import json
import sys
from typing import Annotated, Any

import typer

from debugstore.errors import ArgumentError
from debugstore.render.formats import Format

from . import options
from .options import Db, FormatOption


def sql(
    context: typer.Context,
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="SQL, the name of a query (see --list), or '-' for stdin.")
    ] = None,
    db: Db = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="NAME=VALUE", help="Value of :NAME in the query; may be repeated."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the queries that have a name.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Rows at most; 0 for all.")] = 10_000,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds at most; 0 for ever.")] = 60.0,
    explain: Annotated[bool, typer.Option("--explain", help="Say how the database would answer.")] = False,
    format: FormatOption = Format.TABLE,
    nl: Annotated[bool, typer.Option("--nl", help="One JSON object a line.")] = False,
    arrays: Annotated[bool, typer.Option("--arrays", help="JSON arrays in place of objects.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV.")] = False,
    tsv: Annotated[bool, typer.Option("--tsv", help="Tab-separated values.")] = False,
    headers: Annotated[
        bool, typer.Option("--headers/--no-headers", help="Print the line of column names.", show_default=False)
    ] = True,
) -> None:
    """Ask the store a question in SQL. It only reads, and says so where a limit cut the answer.

    \b
    Examples:
      debugstore sql "SELECT run_id, last_loss FROM run_summary ORDER BY 2"
      debugstore sql "SELECT step FROM current_steps WHERE loss > :l" -p l=3
      debugstore sql report/progression -p run=latest --csv > epochs.csv
      debugstore sql - < question.sql

    docs/schema.md lists the tables. The current_ views leave out steps that a resumed run did again.
    """
    from debugstore.render.listings import render_queries
    from debugstore.render.tables import render_rows

    shortcuts = {Format.NL: nl, Format.ARRAYS: arrays, Format.CSV: csv, Format.TSV: tsv}
    chosen = next((shape for shape, wanted in shortcuts.items() if wanted), format)
    width = options.terminal_width()
    with options.opened(context, db) as store:
        if listed:
            options.write(render_queries(store.queries(), format=chosen, width=width))
            return
        answer = store.sql(
            _text(query),
            row_limit=limit or None,
            seconds=timeout or None,
            plan=explain,
            **dict(map(_pair, param or [])),
        )
    options.write(render_rows(answer.rows, answer.columns, chosen, headers=headers, width=width))
    if answer.truncated:
        options.say(f"debugstore: there are more than {limit} rows: give --limit 0 for all")


def _text(query: str | None) -> str:
    if query is None:
        raise ArgumentError(
            "no query given: type one, a name out of 'debugstore sql --list', or - to read it from stdin"
        )
    return sys.stdin.read() if query == "-" else query


def _pair(text: str) -> tuple[str, Any]:
    """Read ``name=value``; a value that is a JSON number, text, true, false or null is that, any other is text."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ArgumentError(f"a parameter is NAME=VALUE, got '{text}'")
    try:
        read = json.loads(value, parse_constant=float)
    except ValueError:
        return name, value
    return name, value if isinstance(read, list | dict) else read
