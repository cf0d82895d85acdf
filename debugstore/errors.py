"""Every error this project raises on purpose.

A leaf builds its sentence from typed arguments and also inherits the builtin a caller would guess.
The sentence says what was asked, what was found and what to type next::

    DebugstoreError
    ├── InputError                  what was given to read
    │   ├── InputNotFoundError      (FileNotFoundError)
    │   ├── NoLogsError             (ValueError)
    │   └── EventError              (ValueError) one line that is no event
    ├── StoreError                  the store itself
    │   ├── StoreNotFoundError      (FileNotFoundError)
    │   ├── NotAStoreError          (ValueError)
    │   ├── StoreVersionError       (RuntimeError) needs 'debugstore db upgrade', or a newer debugstore
    │   ├── StoreReadOnlyError      (PermissionError)
    │   ├── StoreBusyError          (TimeoutError)
    │   ├── StoreFullError          (OSError)
    │   └── StoreFailedError        (RuntimeError) anything else the driver said
    ├── RunError                    which run is meant
    │   ├── RunNotFoundError        (LookupError)
    │   └── RunAmbiguousError       (LookupError)
    ├── QueryError                  SQL, shipped or typed
    │   ├── QueryFileError          (ValueError) a .sql file whose header does not fit its query
    │   ├── QueryRefusedError       (PermissionError) it would write
    │   ├── QueryTimeoutError       (TimeoutError)
    │   └── QueryFailedError        (ValueError) the database did not accept it
    ├── AlertError                  (RuntimeError) a training that was to stop at a finding
    ├── MissingExtraError           (ImportError) an optional package is not installed
    └── ArgumentError               (ValueError) a wrong argument of a public call

A finding is data, never an exception. A bug is not in this tree: it shows its traceback.
"""

from collections.abc import Sequence
from pathlib import Path


class DebugstoreError(Exception):
    """Base of all errors raised on purpose; `str()` of one is a single line fit for a terminal."""


class ArgumentError(DebugstoreError, ValueError):
    """Say that an argument of a public call has a wrong value or type."""


class AlertError(DebugstoreError, RuntimeError):
    """Say which finding ended a training that asked for it with `alert="raise"`."""

    def __init__(self, code: str, title: str, first_step: int, remedy: str) -> None:
        self.code = code
        super().__init__(f"{code} since step {first_step}: {title}. {remedy}")


class MissingExtraError(DebugstoreError, ImportError):
    """Say that an optional package is needed and how to install it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}: run pip install 'debugstore[{extra}]'")


class InputError(DebugstoreError):
    """Base of what can be wrong with files given to read."""


class InputNotFoundError(InputError, FileNotFoundError):
    """Say that a path or pattern names nothing."""

    def __init__(self, path: str | Path, near: Sequence[str] = ()) -> None:
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        super().__init__(f"no such file, folder or pattern: {path}{hint}")


class NoLogsError(InputError, ValueError):
    """Say that a folder or a file holds no event at all."""

    def __init__(self, path: str | Path, found: str) -> None:
        super().__init__(f"no debug log in {path}: {found}")


class EventError(InputError, ValueError):
    """Say why a line is no event; ingest keeps such a line in `rejects` with this reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class StoreError(DebugstoreError):
    """Base of what can be wrong with a store."""


class StoreNotFoundError(StoreError, FileNotFoundError):
    """Say that there is no store where one was to be read, or no folder where one was to be made."""

    def __init__(self, where: str, folder: str | None = None) -> None:
        made = f"make one with 'debugstore --db {where} ingest FILES'"
        super().__init__(f"no store at {where}: {made if folder is None else f'there is no folder {folder}'}")


class NotAStoreError(StoreError, ValueError):
    """Say that a file or database is there but is no store of ours."""

    def __init__(self, where: str, found: str) -> None:
        super().__init__(f"{where} is not a debugstore: {found}")


class StoreVersionError(StoreError, RuntimeError):
    """Say that a store's schema is older or newer than this debugstore."""

    def __init__(self, where: str, found: str, needed: str, newer: bool = False) -> None:
        advice = "upgrade debugstore" if newer else f"run 'debugstore --db {where} db upgrade'"
        super().__init__(f"store {where} is at schema {found}, this debugstore needs {needed}: {advice}")


class StoreReadOnlyError(StoreError, PermissionError):
    """Say that a store cannot be written."""

    def __init__(self, where: str) -> None:
        super().__init__(f"store {where} cannot be written: check the permissions of the file and its folder")


class StoreBusyError(StoreError, TimeoutError):
    """Say that another process holds a store for longer than the wait allowed."""

    def __init__(self, where: str, seconds: float) -> None:
        super().__init__(f"store {where} stayed locked by another process for {seconds:g} s: try again when it ends")


class StoreFullError(StoreError, OSError):
    """Say that the disk under a store is full; what was committed before stays."""

    def __init__(self, where: str) -> None:
        super().__init__(f"no space left for store {where}: free some and run the same command again")


class StoreFailedError(StoreError, RuntimeError):
    """Say what the database driver said, where no other leaf fits."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"store {where}: {' '.join(reason.split())}")


class RunError(DebugstoreError):
    """Base of what can be wrong with the name of a run."""


class RunNotFoundError(RunError, LookupError):
    """Say that no run has a name, and name those that are near."""

    def __init__(self, asked: str, names: Sequence[str], total: int) -> None:
        if not total:
            found = "the store is empty: run 'debugstore ingest FILES' first"
        else:
            rest = f" and {total - len(names)} more: see 'debugstore runs'" if total > len(names) else ""
            found = f"the store holds: {', '.join(names)}{rest}"
        super().__init__(f"no run named '{asked}'; {found}")


class RunRemovedError(RunError, LookupError):
    """Say that a run was removed while a file of it was read."""

    def __init__(self, run_id: str, source: str) -> None:
        super().__init__(
            f"run '{run_id}' was removed from the store while {source} was read, and nothing is kept of it; "
            "run 'debugstore ingest' again to have all of it"
        )


class RunAmbiguousError(RunError, LookupError):
    """Say that a prefix or name fits several runs."""

    def __init__(self, asked: str, run_ids: Sequence[str]) -> None:
        super().__init__(f"'{asked}' fits {len(run_ids)} runs: {', '.join(run_ids)}; type more of the one you mean")


class QueryError(DebugstoreError):
    """Base of what can be wrong with SQL."""


class QueryFileError(QueryError, ValueError):
    """Say what is wrong with a `.sql` file's header or parameters."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


class QueryRefusedError(QueryError, PermissionError):
    """Say that a query would change something; ad-hoc SQL only reads."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"refused: {reason}; 'debugstore sql' only reads")


class QueryTimeoutError(QueryError, TimeoutError):
    """Say that a query took longer than its limit."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the query was stopped after {seconds:g} s: narrow it, or give --timeout SECONDS")


class QueryFailedError(QueryError, ValueError):
    """Say what the database said of a query it did not accept."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the query failed: {' '.join(reason.split())}")
