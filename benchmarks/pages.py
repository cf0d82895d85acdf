"""The pages of docs/benchmarks, as the benchmarks write them: what was run, on which machine, and tables."""

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def machine(*more: str) -> str:
    """Return what a figure depends on besides the code."""
    python = f"Python {platform.python_version()}"
    return ", ".join([platform.machine(), f"{os.cpu_count()} cores", python, *more])


def command() -> str:
    """Return the command that runs, as a person would type it."""
    module = sys.modules["__main__"].__spec__
    name = f"-m {module.name}" if module is not None else sys.argv[0]
    return f"python {name} {' '.join(sys.argv[1:])}".rstrip()


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; every column but the first is of figures."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def write(out: Path | None, title: str, on: str, *parts: str) -> None:
    """Print a page, or write it to a file.

    Args:
        on: the machine.
        parts: paragraphs and tables, of Markdown.
    """
    page = "\n\n".join([f"# {title}", f"Written by `{command()}` on {on}.", *parts]) + "\n"
    if out is None:
        print(page)
    else:
        out.write_text(page, encoding="utf-8")
