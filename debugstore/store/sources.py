"""What is given to ingest: paths, patterns, folders, standard input; opened, unpacked and cut into lines."""

import difflib
import glob
import gzip
import io
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from debugstore.errors import InputNotFoundError, MissingExtraError, NoLogsError
from debugstore.events.codec import MAX_LINE_BYTES
from debugstore.store import texts

PATTERNS = ("*.jsonl", "*.jsonl.gz", "*.jsonl.zst")
"""What is read of a folder, and of the folders in it."""

STDIN = "-"

_BLOCK = 1 << 22
"""Bytes that fill a block: enough to spend no time on calls, little beside the memory that is allowed."""

_FIRST_BLOCK = 1 << 19
"""Bytes of the first one: who writes begins soon. A third of what was read is added, so that it waits seldom."""

_BLOCK_LINES = 6000
"""Lines that fill one too; short lines make more rows of a byte than long ones."""

_PIECE = 1 << 17
"""Bytes read at once: they take the place in memory of those before, where a whole block would be given new pages."""

_EDGE = 4096
"""Bytes at the beginning and at the end of what was read that tell whether a file is still the same."""

_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read, or standard input. `name` is what messages and the store call it."""

    name: str
    path: Path | None
    """None for standard input."""

    is_pipe: bool = False
    """Whether it can be read once only: a named pipe, what a shell puts for `<(command)`, and any standard input."""

    @property
    def stem(self) -> str:
        """The file's name without its endings: the run of a log that does not name one."""
        if self.path is None:
            return "stdin"
        name = self.path.name
        for ending in (".gz", ".zst", ".jsonl", ".json", ".log", ".txt"):
            name = name.removesuffix(ending)
        return texts.made_storable(name or self.path.name)

    def size(self) -> int:
        """Return the bytes of the file as it lies there, 0 if that cannot be said."""
        try:
            return 0 if self.path is None or self.is_pipe else self.path.stat().st_size
        except OSError:
            return 0


def expand(paths: Iterable[str | Path]) -> list[Source]:
    """Return the files that paths, patterns and folders name, each once, in order.

    Raises:
        InputNotFoundError: one of them names nothing.
        NoLogsError: a folder holds no log.
    """
    sources = {source.name: source for given in paths for source in _expand_one(str(given))}
    return list(sources.values())


def _expand_one(given: str) -> list[Source]:
    if given == STDIN:
        return [Source(STDIN, None, is_pipe=True)]
    path = Path(given).expanduser()
    if path.is_dir():
        found = sorted({file for pattern in PATTERNS for file in path.rglob(pattern) if file.is_file()})
        if not found:
            raise NoLogsError(path, f"the folder holds no {', '.join(PATTERNS)}")
        return [_source(file) for file in found]
    if path.exists():
        return [_source(path)]
    names = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - a pattern may begin at the root
    matches = [_source(Path(name)) for name in names if Path(name).is_file()]
    if not matches:
        raise InputNotFoundError(given, _near(path))
    return matches


def _source(path: Path) -> Source:
    return Source(texts.made_storable(str(path.absolute())), path, is_pipe=not path.is_file())


def _near(path: Path) -> list[str]:
    """Return the names in the same folder that look like the one asked for."""
    try:
        names = [file.name for file in path.parent.iterdir()]
    except OSError:
        return []
    return [str(path.parent / name) for name in difflib.get_close_matches(path.name, names)]


class Edges(NamedTuple):
    """Digests of the first and of the last bytes of what was read: whether a file is still the one that was read."""

    head: str
    tail: str


class Block(NamedTuple):
    """Some lines."""

    lines: list[bytes]
    """As they stand there, with the newline at their ends."""

    first: int
    """Number of the first line, from 1."""

    end: int
    """Bytes of the file up to the end of the last line."""

    edges: Edges
    """Of these bytes."""

    terminated: bool = True
    """Whether the last line has its end; only the last block of a file may lack it."""


class Lines:
    """The lines of an open source, block by block, from `start` bytes (after unpacking) on."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._raw = _open(source)
        self._cut = False
        try:
            self._file, self._damages = _unpack(self._raw)
        except BaseException:
            self._raw.close()
            raise
        self.total_bytes = None if source.is_pipe else source.size()

    @property
    def done_bytes(self) -> int:
        """Bytes of the file itself that were read, for a progress bar."""
        try:
            return int(self._raw.tell())
        except (OSError, ValueError):
            return 0

    def edges(self, size: int) -> Edges | None:
        """Return the edges of the first `size` bytes, None if there are fewer."""
        edge = min(size, _EDGE)
        head, tail = self._at(0, edge), self._at(size - edge, edge)
        return _edges(head, tail) if len(head) == len(tail) == edge else None

    def blocks(self, start: int = 0, line_number: int = 0) -> Iterator[Block]:
        """Yield the lines from byte `start` on, of which `line_number` lines were read.

        A line longer than `MAX_LINE_BYTES` is cut after one byte more.

        Raises:
            NoLogsError: the file is empty or binary.
        """
        head, tail = b"", b""
        if not self.source.is_pipe:
            head = self._at(0, min(start, _EDGE))
            tail = self._at(start - len(head), len(head))
        rest, position = b"", start
        continues = start > 0 and not tail.endswith(b"\n")  # the last line read has got its end since
        too_long = ended = False
        lines: list[bytes] = []
        begun = start
        while not ended:
            asked = max(min(_PIECE, _BLOCK), len(rest))
            piece = self._read(asked)
            if position == 0 and not rest:
                self.refuse_binary(piece)
            if len(head) < _EDGE:
                head += piece[: _EDGE - len(head)]
            data = rest + piece
            new, rest = _cut(data)
            done = len(data) - len(rest)
            position, tail = position + done, (tail + data[max(0, done - _EDGE) : done])[-_EDGE:]
            if new and (too_long or (continues and not lines and not new[0].strip())):
                new.pop(0)
                too_long = continues = False
            lines += new
            ended = not piece
            # What came of a pipe is a block: who writes there may take long for more.
            full = position - begun >= min(_BLOCK, _FIRST_BLOCK + (begun - start) // 3)
            full = full or len(lines) >= _BLOCK_LINES or len(rest) > MAX_LINE_BYTES
            if lines and (full or len(piece) < asked):
                first = line_number + (not continues)
                line_number, continues = first + len(lines) - 1, False
                yield Block(lines, first, position, _edges(head[:position], tail))
                lines, begun = [], position
            if len(rest) > MAX_LINE_BYTES:
                position, tail = position + len(rest), rest[-_EDGE:]
                if not too_long:
                    line_number += 1
                    yield Block([rest[: MAX_LINE_BYTES + 1]], line_number, position, _edges(head, tail))
                rest, too_long = b"", True
        if rest.strip() and not too_long:
            number, end = line_number + (not continues), position + len(rest)
            yield Block([rest], number, end, _edges(head, (tail + rest)[-_EDGE:]), terminated=False)
        elif position == 0:
            found = "it was cut before its first line could be unpacked" if self._cut else "it is empty"
            raise NoLogsError(self.source.name, found)

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.source.path is not None:
            self._file.close()
            self._raw.close()

    def _at(self, position: int, size: int) -> bytes:
        """Return `size` bytes from `position` on, fewer at the end; the file stands behind them then."""
        self._file.seek(position)
        return self._read(size)

    def _read(self, size: int) -> bytes:
        """Return so many bytes, fewer at the end; of a pipe what there is, nothing at the end."""
        found = self._read_once(size)
        while found and len(found) < size and not self.source.is_pipe and (more := self._read_once(size - len(found))):
            found += more
        return found

    def _read_once(self, size: int) -> bytes:
        try:
            return bytes(self._file.read1(size))
        except (EOFError, zlib.error):  # a packed file that was cut ends there
            self._cut = True
            return b""
        except self._damages as error:
            raise NoLogsError(self.source.name, f"damaged: {error}") from None

    def refuse_binary(self, start: bytes) -> None:
        """Refuse a file whose beginning is not that of a text."""
        edge = start[:_EDGE].split(b"\n")
        if b"\0" in edge[0] or (b"\0" in start[:_EDGE] and not any(line.startswith(b'{"') for line in edge)):
            found = "an SQLite database" if start.startswith(b"SQLite format 3") else "a binary file"
            raise NoLogsError(self.source.name, f"it is {found}")


def _cut(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the lines of some bytes, and what follows the last newline. Thrice as fast as `split`."""
    lines = io.BytesIO(data).readlines()
    rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
    return lines, rest


def _edges(head: bytes, tail: bytes) -> Edges:
    return Edges(texts.digest(head), texts.digest(tail))


def _open(source: Source) -> Any:
    if source.path is None:
        raw: Any = sys.stdin.buffer
        return raw if hasattr(raw, "peek") else io.BufferedReader(raw)
    try:
        return source.path.open("rb")
    except FileNotFoundError:
        raise InputNotFoundError(source.name) from None
    except OSError as error:
        raise NoLogsError(source.name, f"it cannot be read: {error.strerror}") from None


def _unpack(raw: Any) -> tuple[Any, tuple[type[Exception], ...]]:
    """Return the content of a file, unpacked if its first bytes say that it is packed, and the errors of damage."""
    start = raw.peek(4)[:4]
    if start.startswith(_GZIP):
        return gzip.GzipFile(fileobj=raw), (gzip.BadGzipFile,)
    if start == _ZSTD:
        zstd = _zstd()
        return zstd.ZstdFile(raw), (zstd.ZstdError,)
    return raw, ()


def _zstd() -> Any:
    """Return the module that reads .zst files: in the standard library from Python 3.14 on, a package before."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    raise MissingExtraError("backports.zstd", "zstd", "a .zst file")
