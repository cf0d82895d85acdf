"""Write the reference pages from the code, so that they cannot differ from it.

python docs/generate.py            write them
python docs/generate.py --check    say which are stale and exit 1
"""

import argparse
import ast
import gzip
import io
import itertools
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
from rich.console import Console
from rich.text import Text

from debugstore.analysis.diagnosis import Diagnosis, read_diagnoses
from debugstore.analysis.queries import SHIPPED
from debugstore.events import ALIASES, EVENT_TYPES
from debugstore.events.types import ModuleActivation
from debugstore.render.tables import render_rows
from debugstore.store import schema

DOCS = Path(__file__).parent
ROOT = DOCS.parent
MADE = "<!-- Made from the code by docs/generate.py: edit the code. -->"
TYPES = {float: "number", int: "integer", bool: "true or false", str: "text", dict: "object"}


def events_page() -> str:
    """Return the page of every event and field."""
    parts = [EVENTS_TOP.format(made=MADE)]
    for kind in EVENT_TYPES.values():
        parts += [
            f"## `{kind.event_type}`",
            _docstring(kind),
            f"Table: [`{kind.table}`](schema.md#{kind.table}).",
            _fields(kind),
        ]
        if kind.event_type == "activations":
            parts += ["Each value of `modules`:", _fields(ModuleActivation)]
    aliases = [(f"`{name}`", ", ".join(f"`{other}`" for other in others)) for name, others in ALIASES.items()]
    parts += ["## Names that others use", "Read as ours where a log has them:", _table(aliases, ["field", "also read"])]
    return _page(parts)


EVENTS_TOP = """# Events

{made}

A log is a file of lines, each one event in strict JSON:

```json
{{"event_type":"training_step","timestamp":1732000000.123,"run_id":"baseline-7f3a","rank":0,"seq":42,"step":10,"epoch":0,"data":{{}}}}
```

`run_id`, `rank`, the segment's key and `seq` together are an event's identity; the segment's key is in the
first event of the file, a [`fit_start`](#fit_start). Of the keys only `event_type`, `step` and `data` are
required: without `run_id` the file's stem is the run, without `seq` the line's place in the file counts,
without `epoch` and `timestamp` they are unknown.

A number that is not finite is `null`, and the same object says which it was:
`{{"loss":null,"nonfinite":{{"loss":"nan"}}}}`, with `nan`, `inf` or `-inf`. Inside an array the mark is an
object by index. Logs of others may hold `NaN` and `Infinity` bare, or as text.

Every field may be missing, which is not the same as `null` or 0. Fractions are 0..1. "At the start of a step"
is the moment of the `training_step` call: after the forward pass, before backward. A fingerprint is 16 hex
digits of a 64-bit hash. An event of any other type is kept whole, in the table [`events`](schema.md#events)."""


def _fields(kind: type[msgspec.Struct]) -> str:
    hints = get_type_hints(kind, include_extras=True)
    names = [name for name in kind.__struct_fields__ if name != "nonfinite"]
    rows = [(f"`{name}`", _type_name(hints[name]), *_meaning(hints[name])) for name in names]
    return _table(rows, ["field", "type", "unit", "meaning"])


def _meaning(annotation: Any) -> tuple[str, str]:
    """Return the unit and the description that an annotation carries."""
    metas = [meta for meta in get_args(annotation)[1:] if isinstance(meta, msgspec.Meta)]
    return (str((metas[0].extra or {}).get("unit", "")), metas[0].description or "") if metas else ("", "")


def _type_name(annotation: Any) -> str:
    bare = get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation
    kinds = {getattr(kind, "__origin__", kind) for kind in get_args(bare)} or {bare}
    return next((name for kind, name in TYPES.items() if kind in kinds), "JSON")


def schema_page() -> str:
    """Return the page of every table, column and view."""
    told = {kind.table: _docstring(kind) for kind in EVENT_TYPES.values()} | _notes(Path(schema.__file__))
    parts = [SCHEMA_TOP.format(made=MADE)]
    for table in schema.metadata.tables.values():
        parts += [f"## `{table.name}`", *([told[table.name]] if table.name in told else []), _columns(table)]
    parts.append("## Views")
    named = [path for path in sorted((SHIPPED / "views").glob("*.sql")) if not path.stem.startswith("current")]
    views = [(f"`{path.stem}`", _comment(path)) for path in named]
    parts += ["Besides `current_<table>` for every table of events:", _table(views, ["view", "shows"])]
    return _page(parts)


SCHEMA_TOP = """# Tables

{made}

Plain tables, the same on SQLite and PostgreSQL. A column named after another table's row holds that row's `id`:
`run` is `runs.id`, `segment` is `segments.id`, `param` is `params.id`.

A row of an event is keyed by `run`, `segment` and `seq`, and a table of events starts with `run`, `segment`,
`seq`, `rank`, `step`, `epoch` and `timestamp`, as do the tables of parts of an event (`grad_norms`, ...) with
the first three. These columns are not repeated below.

A resumed run has several segments whose steps may overlap. All rows are kept; the view `current_<table>` that
every table of events has leaves out those that a later segment did again, and is what you want to ask.

`nonfinite` says which NULL was a number that is not finite, `extra` holds the fields that have no column,
`envelope` what else the line said: nothing of a line is lost, and [`debugstore
export`](cli.md#debugstore-export) gives it back."""

EVERYWHERE = ("run", "segment", "seq", "rank", "step", "epoch", "timestamp", "nonfinite", "extra", "envelope")


def _comment(path: Path) -> str:
    """Return the comment that opens an SQL file, as one line."""
    lines = itertools.takewhile(lambda line: line.startswith("--"), path.read_text().splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines)


def _columns(table: Any) -> str:
    fields = {kind.table: get_type_hints(kind, include_extras=True) for kind in EVENT_TYPES.values()}
    fields["module_activations"] = get_type_hints(ModuleActivation, include_extras=True)
    rows = []
    is_of_events = "seq" in table.c
    for column in table.columns:
        if is_of_events and column.name in EVERYWHERE:
            continue
        unit, meaning = _meaning(fields.get(table.name, {}).get(column.name, None))
        role = "key" if column.primary_key else "" if column.nullable else "not null"
        rows.append((f"`{column.name}`", str(column.type).lower(), role, unit, meaning or column.doc or ""))
    return _table(rows, ["column", "type", "", "unit", "meaning"])


def _notes(path: Path) -> dict[str, str]:
    """Return the text that stands under a table's definition in a source file, by the table's name."""
    body = ast.parse(path.read_text()).body
    notes = {}
    for made, note in itertools.pairwise(body):
        if isinstance(made, ast.Assign) and isinstance(note, ast.Expr) and isinstance(note.value, ast.Constant):
            notes[ast.unparse(made.targets[0])] = " ".join(str(note.value.value).split())
    return notes


def diagnoses_page() -> str:
    """Return the page of every diagnosis, by the stage at which its fault lies."""
    parts = [DIAGNOSES_TOP.format(made=MADE)]
    for diagnosis in sorted(read_diagnoses().values(), key=lambda one: (one.rank, one.code)):
        explains = [f"[`{code}`](#{code}){' if later' if later else ''}" for code, later in diagnosis.explains.items()]
        parts += [f"## `{diagnosis.code}`", f"**{diagnosis.title}.** {_severity(diagnosis)}", diagnosis.why]
        parts += [f"*Remedy:* {diagnosis.remedy}"]
        parts += [f"*Silent on:* {diagnosis.silent_on}."] if diagnosis.silent_on else []
        parts += [f"*Needs:* {', '.join(f'`{need}`' for need in diagnosis.needs)}."]
        parts += [f"*Explains:* {', '.join(explains)}."] if explains else []
        if diagnosis.query.params:
            rows = [(f"`{param.name}`", param.default, param.reason) for param in diagnosis.query.params.values()]
            parts.append(_table(rows, ["threshold", "default", "why"]))
    return _page(parts)


def _severity(diagnosis: Diagnosis) -> str:
    """Say how severe a finding is, and what it is without an effect."""
    alone = "silent" if diagnosis.needs_effect else diagnosis.without_effect
    return f"`{diagnosis.severity}`" + (f"; {alone} where no effect is seen" if alone else "")


DIAGNOSES_TOP = """# Diagnoses

{made}

Each is one question in SQL over the tables, a file in `debugstore/sql/diagnoses/`; its rows are the steps at
which the problem shows. A finding is an `error` only where cause and effect are both in the rows, else a
`warning` or a `note`. A diagnosis whose columns the run does not have is `not_applicable`. What a cause
explains is listed under it and not on its own.

`debugstore report --explain CODE` prints one of them, `--threshold CODE.NAME=VALUE` changes one of its
thresholds."""


def cli_page() -> str:
    """Return the page of every command, as its `--help` says it."""
    from typer.main import get_command

    from debugstore_cli.main import app

    parts = [CLI_TOP.format(made=MADE)]
    for words, text in _helps(get_command(app), "debugstore"):
        parts += [f"## `{words}`", f"```text\n{text}\n```"]
    return _page(parts)


CLI_TOP = """# Commands

{made}"""


def _helps(command: Any, name: str, parent: Any = None) -> Iterator[tuple[str, str]]:
    """Yield the words and the help of a command and of all below it."""
    context = command.context_class(
        command, info_name=name, parent=parent, terminal_width=100, **command.context_settings
    )
    yield context.command_path, command.get_help(context).rstrip()
    for inner in getattr(command, "commands", {}).values():
        yield from _helps(inner, inner.name, context)


def replayed(name: str) -> str:
    """Return a page with what its commands print, run one after the other where the logs of `docs/logs` lie."""
    with _logs() as folder:
        return PRINTS.sub(lambda found: _printed(found, folder), (ROOT / name).read_text())


def picture(command: str) -> str:
    """Return what a command prints on a terminal with colours, as an SVG that needs nothing from elsewhere."""
    with _logs() as folder:
        printed = _run(command, folder, FORCE_COLOR="1", NO_COLOR="")
    screen = Console(record=True, width=PICTURE_WIDTH, file=io.StringIO())
    screen.print(Text.from_ansi(printed))
    svg = screen.export_svg(title=command, unique_id="report")
    return re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", svg, flags=re.DOTALL)


PICTURE_WIDTH = 82


@contextmanager
def _logs() -> Iterator[str]:
    """Give a folder with the logs of `docs/logs` in `logs/debug`."""
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs" / "debug"
        logs.mkdir(parents=True)
        for packed in sorted((DOCS / "logs").glob("*.jsonl.gz")):
            (logs / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
        yield folder


def _run(command: str, folder: str, **more: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "TZ": "UTC", "TERM": "xterm", **more}
    ran = subprocess.run(shlex.split(command), cwd=folder, env=env, capture_output=True, text=True, check=False)
    if ran.returncode > 1:
        raise SystemExit(f"{command}: {ran.stderr}")
    return ran.stdout


PRINTS = re.compile(r'(<!-- prints(?: until "(?P<end>.+?)")?: (?P<command>.+?) -->\n).*?(<!-- end -->)', re.DOTALL)
"""A place of a page that holds what a command prints, up to a line that starts with some text."""


def _printed(found: re.Match[str], folder: str) -> str:
    lines = _run(found["command"], folder, NO_COLOR="1").rstrip().splitlines()
    if found["end"]:
        kept = itertools.takewhile(lambda line: not line.startswith(found["end"]), lines)
        lines = [*"\n".join(kept).rstrip().splitlines(), "..."]
    return "\n".join([f"{found[1]}```text", f"$ {found['command']}", "", *lines, "```", found[4]])


def _docstring(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split())


def _table(rows: list[tuple[Any, ...]], columns: list[str]) -> str:
    kept = [index for index in range(len(columns)) if any(row[index] != "" for row in rows)]
    shown = [[row[index] for index in kept] for row in rows]
    return render_rows(shown, [columns[index] for index in kept], "markdown")


def _page(parts: list[str]) -> str:
    return "\n\n".join(parts) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/events.md": events_page,
    "docs/schema.md": schema_page,
    "docs/diagnoses.md": diagnoses_page,
    "docs/cli.md": cli_page,
    "docs/report.svg": lambda: picture("debugstore report logs/debug/lr-1.jsonl"),
    "README.md": lambda: replayed("README.md"),
}


def main() -> int:
    """Write or check the pages; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a stale page")
    check = parser.parse_args().check
    stale = False
    for name, make in PAGES.items():
        page, made = ROOT / name, make()
        if page.exists() and page.read_text() == made:
            continue
        stale = True
        if check:
            print(f"{name} is stale: run 'make docs'", file=sys.stderr)
        else:
            page.write_text(made)
            print(f"wrote {name}")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
