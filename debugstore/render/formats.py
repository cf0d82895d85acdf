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


class PageFormat(StrEnum):
    """How what is more than rows is printed: a report, a comparison."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
