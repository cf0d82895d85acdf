"""What a project says about its diagnoses in its `pyproject.toml`::

[tool.debugstore]
diagnoses_dir = "ops/diagnoses"        # more diagnoses, beside this file

[tool.debugstore.diagnoses]
loss-spike.ratio = 3.0                 # thresholds in place of the defaults
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from debugstore.errors import ArgumentError

if TYPE_CHECKING:
    from debugstore.analysis.diagnosis import Diagnosis

FILE = "pyproject.toml"
_KEYS = frozenset({"diagnoses", "diagnoses_dir"})


@dataclass(frozen=True, slots=True)
class Project:
    """Thresholds by ``code.name``, and the folder of a team's own diagnoses."""

    thresholds: Mapping[str, int | float] = field(default_factory=lambda: MappingProxyType({}))
    diagnoses_dir: Path | None = None

    def changed(self, *, thresholds: Iterable[str] = (), diagnoses_dir: Path | None = None) -> "Project":
        """Return this with what a person typed over it: thresholds as ``code.name=value``, another folder.

        Raises:
            ArgumentError: a threshold is not written so.
        """
        typed = dict(map(_threshold, thresholds))
        return replace(
            self,
            thresholds=MappingProxyType({**self.thresholds, **typed}),
            diagnoses_dir=diagnoses_dir or self.diagnoses_dir,
        )

    def diagnosis(self, code: str) -> "Diagnosis":
        """Return a diagnosis by its code.

        Raises:
            ArgumentError: there is none; the message names those that are near.
        """
        from debugstore.analysis.diagnosis import read_diagnoses, unknown_diagnosis

        known = read_diagnoses(self.diagnoses_dir)
        if code not in known:
            raise unknown_diagnosis(code, known)
        return known[code]


def read_project(folder: Path | None = None) -> Project:
    """Read the nearest `pyproject.toml` at or above a folder, the working directory if None, that has our section.

    Raises:
        ArgumentError: the section holds what it should not.
    """
    start = (folder or Path.cwd()).absolute()
    for place in (start, *start.parents):
        section = _section(place / FILE)
        if section is not None:
            return _project(place, section)
    return Project()


def _section(path: Path) -> dict[str, Any] | None:
    """Return the section of ours in a file; None without one. A file that is no TOML is somebody else's trouble."""
    try:
        tool = tomllib.loads(path.read_text("utf-8")).get("tool", {})
    except (OSError, ValueError):
        return None
    section = tool.get("debugstore") if isinstance(tool, dict) else None
    return section if isinstance(section, dict) else None


def _project(place: Path, section: dict[str, Any]) -> Project:
    file = place / FILE
    unknown = sorted(set(section) - _KEYS)
    if unknown:
        raise ArgumentError(f"{file}: [tool.debugstore] has no key '{unknown[0]}': it has {', '.join(sorted(_KEYS))}")
    named = section.get("diagnoses_dir")
    if named is not None and not isinstance(named, str):
        raise ArgumentError(f"{file}: diagnoses_dir must be a path, got {named!r}")
    given = section.get("diagnoses", {})
    if not isinstance(given, dict) or not all(isinstance(values, dict) for values in given.values()):
        raise ArgumentError(f"{file}: [tool.debugstore.diagnoses] holds thresholds, as in: loss-spike.ratio = 3.0")
    thresholds = {f"{code}.{name}": value for code, values in given.items() for name, value in values.items()}
    for key, value in thresholds.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ArgumentError(f"{file}: the threshold {key} must be a number, got {value!r}")
    return Project(MappingProxyType(thresholds), place / named if named is not None else None)


def _threshold(text: str) -> tuple[str, int | float]:
    key, _, value = text.partition("=")
    try:
        return key.strip(), _number(value)
    except ValueError:
        raise ArgumentError(f"a threshold is CODE.NAME=NUMBER, as in loss-spike.ratio=3, got '{text}'") from None


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
