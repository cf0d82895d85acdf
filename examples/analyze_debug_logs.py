"""Print the report of one log, without a store: python examples/analyze_debug_logs.py logs/debug/debug_log_....jsonl"""

import sys

from debugstore import open_store
from debugstore.errors import DebugstoreError
from debugstore.render.report import render


def main(arguments: list[str]) -> int:
    """Report on the file named; return the exit code."""
    if len(arguments) != 1:
        print("usage: python examples/analyze_debug_logs.py FILE", file=sys.stderr)
        return 2
    try:
        with open_store(":memory:") as store:
            print(render(store.report(arguments[0]), format="table", color=sys.stdout.isatty()))
    except DebugstoreError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
