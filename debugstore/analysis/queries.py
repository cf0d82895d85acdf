"""Questions kept as `.sql` files: read a file's header and query, check them against each other, run them.

What the answers mean is not known here; see `diagnosis` and `report`. A file is a header of ``-- key: value`` lines (a
line that starts with ``--`` and three spaces goes on with the value above it), then one query in the subset that SQLite
and PostgreSQL share. ``-- param: name = 2.0  -- reason`` declares a parameter; `run` needs no declaration.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from debugstore.errors import ArgumentError, InputNotFoundError, QueryFailedError, QueryFileError

if TYPE_CHECKING:
    from sqlalchemy import Connection, TextClause

SHIPPED = Path(__file__).parent.parent / "sql"
"""Folder of the questions that come with debugstore."""

Number = int | float
Row = Mapping[str, Any]

_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<text>'(?:[^']|'')*')|(?P<cast>::)|:(?P<name>[a-z_][a-z0-9_]*)", re.DOTALL
)
_HEADER = re.compile(r"-- (?P<key>[a-z][a-z-]*): ?(?P<value>.*)")
_PARAM = re.compile(r"(?P<name>[a-z_][a-z0-9_]*) *= *(?P<default>\S+) +-- +(?P<reason>\S.*)")


@dataclass(frozen=True, slots=True)
class Param:
    """A number of a query that a person may want to change: its default, and why it is that."""

    name: str
    default: Number
    reason: str


@dataclass(frozen=True, slots=True)
class Query:
    """One `.sql` file: `name` is the file's stem, `header` its keys in order, `sql` the query without comments."""

    name: str
    path: Path
    header: Mapping[str, str]
    params: Mapping[str, Param]
    sql: str
    names: frozenset[str]
    """Every name that the query binds, declared or not."""

    def rows(self, connection: "Connection", **values: Any) -> list[Row]:
        """Run the query and return its rows by column name; a parameter not given takes its default.

        Raises:
            QueryFailedError: the database did not accept it.
        """
        columns, rows = self.fetch(connection, **values)
        return [MappingProxyType(dict(zip(columns, map(plain, row), strict=True))) for row in rows]

    def fetch(self, connection: "Connection", **values: Any) -> tuple[tuple[str, ...], Sequence[Sequence[Any]]]:
        """Run the query and return its columns and its rows as the driver gave them."""
        from sqlalchemy.exc import DBAPIError

        bound = {name: values[name] if name in values else self._default(name) for name in self.names}
        try:
            result = connection.execute(clause(self.sql), bound)
            return tuple(result.keys()), result.fetchall()
        except DBAPIError as error:
            raise QueryFailedError(f"{self.path.name}: {error.orig}") from error

    def literal(self, **values: Any) -> str:
        """Return the query with numbers in place of its parameters: it runs as printed."""
        return substitute(
            self.sql, {name: values[name] if name in values else self._default(name) for name in self.names}
        )

    def _default(self, name: str) -> Number:
        if name not in self.params:
            raise ArgumentError(f"{self.path.name} needs a value for :{name}")
        return self.params[name].default


def plain(value: Any) -> Any:
    """Return a driver's value as Python's own: PostgreSQL gives sums of integers as `Decimal`."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def substitute(sql: str, values: Mapping[str, Any]) -> str:
    """Return `sql` with each bound name replaced by its number, or by its text quoted."""

    def literal(found: re.Match[str]) -> str:
        if found["name"] is None:
            return found[0]
        value = values[found["name"]]
        return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)

    return _TOKEN.sub(literal, sql)


def bound_names(sql: str) -> frozenset[str]:
    """Return the names that `sql` binds, those in comments and strings left out."""
    return frozenset(found["name"] for found in _TOKEN.finditer(sql) if found["name"])


@cache
def clause(sql: str) -> "TextClause":
    """Return `sql` for SQLAlchemy, whose `text` would bind ``:word`` inside strings too."""
    from sqlalchemy import text

    escaped = _TOKEN.sub(lambda found: found[0].replace(":", "\\:") if found["text"] else found[0], sql)
    return text(escaped)


def read_query(path: Path) -> Query:
    """Read one `.sql` file.

    Raises:
        QueryFileError: its header cannot be read, or it declares other parameters than its query binds.
    """
    lines = path.read_text("utf-8").splitlines()
    header: dict[str, str] = {}
    params: dict[str, Param] = {}
    for key, value in _header(path, lines):
        if key == "param":
            param = _param(path, value)
            params[param.name] = param
        elif key in header:
            raise QueryFileError(path, f"the header says '{key}' twice")
        else:
            header[key] = value
    sql = without_comments("\n".join(lines))
    if not sql:
        raise QueryFileError(path, "it holds no query")
    names = bound_names(sql)
    unused = sorted(set(params) - names)
    if unused:
        raise QueryFileError(path, f"it declares parameters that its query does not use: {', '.join(unused)}")
    return Query(path.stem, path, MappingProxyType(header), MappingProxyType(params), sql, names)


def read_folder(folder: Path) -> Mapping[str, Query]:
    """Read every `.sql` file of a folder, by name; putting a file there registers it.

    Raises:
        InputNotFoundError: there is no such folder.
        QueryFileError: a file in it is not right.
    """
    if not folder.is_dir():
        raise InputNotFoundError(folder)
    return MappingProxyType({path.stem: read_query(path) for path in sorted(folder.glob("*.sql"))})


@cache
def shipped(folder: str) -> Mapping[str, Query]:
    """Read one folder of the questions that come with debugstore; cached."""
    return read_folder(SHIPPED / folder)


def _header(path: Path, lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the keys and values of the comment that opens the file."""
    key, value = "", ""
    for line in lines:
        if not line.startswith("--"):
            break
        found = _HEADER.fullmatch(line.rstrip())
        if found is None:
            if not key or not line.startswith("--   "):
                raise QueryFileError(path, f"this header line is no '-- key: value': {line}")
            value = f"{value} {line[2:].strip()}"
            continue
        if key:
            yield key, value
        key, value = found["key"], found["value"].strip()
    if key:
        yield key, value


def _param(path: Path, value: str) -> Param:
    found = _PARAM.fullmatch(value)
    if found is None:
        raise QueryFileError(path, f"a parameter reads 'name = number  -- reason', got '{value}'")
    return Param(found["name"], _number(path, found["default"]), found["reason"])


def _number(path: Path, text: str) -> Number:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise QueryFileError(path, f"a parameter's default is a number, got '{text}'") from None


def without_comments(text: str) -> str:
    """Return a query without its comments, blank lines and last semicolon."""
    bare = _TOKEN.sub(lambda found: "" if found["comment"] else found[0], text)
    return "\n".join(line.rstrip() for line in bare.splitlines() if line.strip()).rstrip("; \n")
