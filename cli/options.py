"""What the commands share: their common options, and how a command opens a store, writes and ends.

Nothing here or at the top of a command's file imports a database, a renderer or torch: `--help` waits for none of them.
"""

import gzip
import os
import shutil
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypedDict

import typer

from debugstore.errors import ArgumentError, DebugstoreError
from debugstore.render.formats import Format, PageFormat

if TYPE_CHECKING:
    from debugstore.api import Store

DEFAULT_STORE = "debugstore.db"
FINDINGS = 1
"""Exit code: findings or differences that were asked about."""
FAILED = 2
"""Exit code: an error, said in one line."""
PIPE_WIDTH = 80
"""Characters of a page's line where there is no terminal."""
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
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How to print.")]
PageFormatOption = Annotated[PageFormat, typer.Option("--format", "-f", help="How to print.")]
RunArgument = Annotated[
    str,
    typer.Argument(metavar="RUN", help="A run's name, id or unique prefix, 'latest', or a log never ingested."),
]
AllRows = Annotated[
    bool, typer.Option("--all-rows", help="Read every row of a long run; else a few thousand stand for the rest.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

Where = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="CONDITION", help="Runs that fit, as in 'config.lr > 1e-4 and status == \"failed\"'."
    ),
]
Tag = Annotated[str | None, typer.Option("--tag", help="Runs with this tag.")]


class FailOn(StrEnum):
    """How bad a finding must be for a command to fail."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def or_worse(self) -> tuple[str, ...]:
        """The severities that are at least as bad."""
        severities = tuple(FailOn)
        return severities[: severities.index(self) + 1]


class Look(TypedDict):
    """How a page is to be drawn."""

    color: bool
    width: int


def opened(context: typer.Context, db: str | None) -> "Store":
    """Return the store a command works on: its own `--db`, else the one before the command, else the environment's."""
    from debugstore.api import open_store

    return open_store(db or context.find_root().obj or os.environ.get("DEBUGSTORE_URL") or DEFAULT_STORE)


def confirm(question: str) -> None:
    """Ask on stderr and go on after a yes only; typer's own question leaves a blank on stdout."""
    sys.stderr.write(f"{question} [y/N]: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Abort


def fail_with_help(context: typer.Context) -> NoReturn:
    """Say what there is to type, where a group of commands was named and none of them."""
    typer.echo(context.get_help(), err=True)
    raise typer.Exit(FAILED)


def colored() -> bool:
    """Say whether to colour stdout: on a terminal, unless NO_COLOR or TERM=dumb; FORCE_COLOR does so in a pipe too."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def look() -> Look:
    """Return how to draw a page: as wide as the terminal, 80 characters in a pipe."""
    return {"color": colored(), "width": terminal_width() or PIPE_WIDTH}


def terminal_width() -> int | None:
    """Return the characters a line of the terminal holds; None where stdout is no terminal and nothing is cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def write(text: str, path: Path | None = None) -> None:
    """Write data with its line end to stdout or a file; no text writes nothing."""
    write_bytes([f"{text}\n".encode("utf-8", "backslashreplace")] if text else [], path)


def write_bytes(parts: Iterable[bytes], path: Path | None = None) -> None:
    """Write parts as they come to stdout, or to a file; a reader that went away ends the program quietly."""
    if path is not None:
        _write_file(path, parts)
        return
    try:
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the last flush at exit finds a reader
        raise typer.Exit(BROKEN_PIPE) from None


def _write_file(path: Path, parts: Iterable[bytes]) -> None:
    """Write parts to a file, packed if its name ends in .gz; a failure on the way leaves what was there.

    Raises:
        ArgumentError: the place cannot be written.
    """
    unfinished = path.with_name(path.name + ".part")
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(unfinished, "wb") as file:
            file.writelines(parts)
        unfinished.replace(path)
    except OSError as error:
        if isinstance(error, DebugstoreError):
            raise
        raise ArgumentError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if path.parent.is_dir():
            unfinished.unlink(missing_ok=True)


def say(text: str) -> None:
    """Write a line of talk to stderr; what it quotes cannot break the line or colour it."""
    from debugstore.render.tables import printable

    typer.echo(printable(text), err=True)
