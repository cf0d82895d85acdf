"""Progress bars: on stderr, and only where a person watches."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME_WIDTH = 32
"""Most columns for the name of a file: what it leaves of a narrow terminal is the bar's."""


@contextmanager
def files_progress(paths: Iterable[str]) -> Iterator[Callable[[str, int, int | None], None] | None]:
    """Give what ingest calls with a file's name, the bytes read of it and its size; None where nobody watches.

    Args:
        paths: what ingest is given: the bar is that of all files, and names the one that is read.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    from debugstore.store.sources import expand

    sizes = {source.name: source.size() for source in expand(paths)}
    places = {name: f"{place}/{len(sizes)} " * (len(sizes) > 1) for place, name in enumerate(sizes, 1)}
    named, whole = Column(no_wrap=True, max_width=_NAME_WIDTH), Column(no_wrap=True)
    columns = (
        TextColumn("{task.description}", table_column=named),
        BarColumn(bar_width=None),
        DownloadColumn(table_column=whole),
        TimeRemainingColumn(table_column=whole),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, expand=True) as bars:
        task = bars.add_task("", total=sum(sizes.values()) or None)
        read: dict[str, int] = {}

        def on_progress(source: str, done: int, _: int | None) -> None:
            more, read[source] = done - read.get(source, 0), done
            bars.update(task, description=f"{places.get(source, '')}{Path(source).name}", advance=more)

        yield on_progress
