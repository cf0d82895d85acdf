"""The shipped questions by the names that `debugstore sql` takes: folder and file, as in `report/progression`."""

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType

from debugstore.analysis.queries import Query, shipped
from debugstore.errors import ArgumentError

FOLDERS = ("report", "compare", "diagnoses")
_NAME = re.compile(r"[\w-]+/[\w-]+")


def named_queries() -> Mapping[str, Query]:
    """Return every shipped question by its name."""
    return MappingProxyType(
        {f"{folder}/{name}": query for folder in FOLDERS for name, query in shipped(folder).items()}
    )


def named_query(text: str) -> Query | None:
    """Return the question that a text names; None where it is SQL of one's own, which a name never is.

    Raises:
        ArgumentError: it is a name, and of no question.
    """
    if not _NAME.fullmatch(text.strip()):
        return None
    known = named_queries()
    if text.strip() in known:
        return known[text.strip()]
    near = difflib.get_close_matches(text.strip(), list(known), n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "see 'debugstore sql --list'"
    raise ArgumentError(f"no query named '{text.strip()}': {hint}")
