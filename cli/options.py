"""What the commands share: their common options, and how a command opens a store, writes and ends.

Nothing here or at the top of a command's file imports a database, a renderer or torch: `--help` waits for none of them.
"""

import os
import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from debugstore.render.formats import Format

if TYPE_CHECKING:
    from debugstore.api import Store

DEFAULT_STORE = "debugstore.db"
FINDINGS = 1
"""Exit code: findings or differences that were asked about."""
FAILED = 2
"""Exit code: an error, said in one line."""
BROKEN_PIPE = 141
"""Exit code of a program whose reader went away, as a shell reports it."""

Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="PATH|URL",
        help=f"The store: a SQLite file or any SQLAlchemy URL; else DEBUGSTORE_URL, else {DEFAULT_STORE}.",
        show_default=False,
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How to print.", show_choices=True)]
RunArgument = Annotated[
    str,
    typer.Argument(metavar="[RUN]", help="A run's name, id or unique prefix, 'latest', or a log never ingested."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def opened(context: typer.Context, db: str | None) -> "Store":
    """Return the store a command works on: its own `--db`, else the one before the command, else the environment's."""
    from debugstore.api import open_store

    return open_store(db or context.find_root().obj or os.environ.get("DEBUGSTORE_URL") or DEFAULT_STORE)


def colored() -> bool:
    """Say whether to colour stdout: on a terminal, unless NO_COLOR or TERM=dumb; FORCE_COLOR does so in a pipe too."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def terminal_width() -> int | None:
    """Return the characters a line of the terminal holds; None where stdout is no terminal and nothing is cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def write(text: str) -> None:
    """Write data to stdout with its line end; no text writes nothing."""
    write_bytes([f"{text}\n".encode("utf-8", "backslashreplace")] if text else [])


def write_bytes(parts: Iterable[bytes]) -> None:
    """Write parts to stdout as they come; a reader that went away ends the program quietly."""
    try:
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the last flush at exit finds a reader
        raise typer.Exit(BROKEN_PIPE) from None


def say(text: str) -> None:
    """Write talk to stderr."""
    typer.echo(text, err=True)
