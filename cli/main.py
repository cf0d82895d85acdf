"""The `debugstore` command: its sub-commands put together, and the one place where errors become exit codes."""

import gc
import sys
from typing import Annotated, Any

import typer

from debugstore import __version__
from debugstore.errors import DebugstoreError
from debugstore.garbage import seldom_searched

from . import options
from .compare import compare
from .db import app as db
from .export import export
from .ingest import ingest
from .report import report
from .runs import app as runs
from .show import show
from .sql import sql

app = typer.Typer(
    name="debugstore",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)

app.command()(ingest)
app.command()(report)
app.command()(compare)
app.add_typer(runs, name="runs")
app.command()(sql)
app.command()(show)
app.command()(export)
app.add_typer(db, name="db")


def _version(asked: bool) -> None:
    if asked:
        options.write(f"debugstore {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    db: options.Db = None,
    version: Annotated[  # noqa: ARG001  its callback answers
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Debug logs of PyTorch trainings, kept in SQL, diagnosed, compared.

    \b
    A first look:
      debugstore ingest logs/debug
      debugstore report latest
      debugstore compare baseline lr-3e-3

    Exit codes: 0 done, 1 findings or differences that were asked about, 2 an error, said in one line.
    """
    context.obj = db
    if context.invoked_subcommand is None:
        options.fail_with_help(context)


NOISE = "Value error, "
"""What a validator puts before its sentence, which says nothing to who typed the command."""


def main() -> None:
    """Run the command line and exit with its code."""
    with seldom_searched():
        code = run(sys.argv[1:])
    gc.freeze()  # what is left is not searched on the way out either: that alone takes a twentieth of a second
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command line; return its exit code."""
    usage_error: Any = typer.BadParameter.__base__  # click's UsageError, wherever this typer keeps click
    try:
        code = app(arguments, prog_name="debugstore", standalone_mode=False)
    except DebugstoreError as error:
        options.say(f"debugstore: {error}")
        return options.FAILED
    except usage_error as error:
        where = error.ctx.command_path if error.ctx else "debugstore"
        message = " ".join(error.format_message().split()).rstrip(".").replace(NOISE, "")
        options.say(f"{where}: {message}: see '{where} --help'")
        return options.FAILED
    except typer.Abort:
        options.say("debugstore: stopped, nothing was changed")
        return options.FAILED
    return code if isinstance(code, int) else 0
