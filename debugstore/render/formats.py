"""The names of the output formats; apart from what draws them, so that a command line can list them at no cost."""

from enum import StrEnum


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    NL = "nl"
    ARRAYS = "arrays"
    CSV = "csv"
    TSV = "tsv"
    MARKDOWN = "markdown"
