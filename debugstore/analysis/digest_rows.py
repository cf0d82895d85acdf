"""Which rows of a long run are read: its ends, a grid between, and all that stand out."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

TABLES = ("steps", "grads", "loops", "param_updates", "activations")
"""Tables that a long run has many rows of."""
_LARGEST_MULTIPLE = 100_000
"""Of the cadences; beyond it they have no common multiple worth the name."""
_ROWS_BEFORE = 25
"""Logged rows before one that stands out: what the diagnoses of spikes compare it with, and some more."""
EVENTS_AROUND = 12
"""Numbers before and after an extreme: the other events of its step."""
_MANY_EPOCHS = 200


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a run is read."""

    exact_steps: int = 20_000
    """Logged steps up to which all is read: that takes half a second."""
    grid_steps: int = 2_500
    """Steps between the first and the last rows."""
    first_events: int = 800
    """Numbers of each of few segments: some 250 logged steps, so that means are not of the beginning alone."""
    last_events: int = 400
    jumps: int = 16
    """Stretches with the greatest jumps."""
    odd_stretches: int = 64
    """Stretches with rows that are not finite: the first ones; of later ones the grid has some."""


Held = Mapping[Any, Any]
"""A row of `stretches`, or of `segments`."""
Window = tuple[int, int, int, int]
"""Run, segment, first number and last: all rows between are read."""


class Choice:
    """Chooses rows of the long runs among `segments`, by what their stretches hold."""

    def __init__(
        self,
        connection: "Connection",
        segments: Sequence[Held],
        of_long: Sequence[Held],
        stretches: Sequence[Held],
        size: Size,
    ) -> None:
        self.connection = connection
        self.segments = segments
        self.of_long = of_long
        self.stretches = stretches
        self.size = size

    def grid(self) -> tuple[int, int]:
        """Return the steps that stand for those between: all that leave `phase` when divided by `every`.

        Every table has rows at them, as have other runs of the same cadences: so rows of one step meet.
        """
        longest = max(self.of_long, key=lambda one: one["num_steps"])
        middle = (longest["first_seq"] + longest["next_seq"]) // 2
        span = (longest["last_step"] - longest["first_step"] + 1) / self.size.grid_steps
        multiple, phase = 1, 0
        for table in TABLES:
            found = self.connection.exec_driver_sql(
                f"SELECT step FROM {table} WHERE run = {longest['run']} AND segment = {longest['id']}"
                f" AND seq >= {middle} ORDER BY seq LIMIT 2"
            ).fetchall()
            cadence = found[1][0] - found[0][0] if len(found) == 2 else 0
            common = math.lcm(multiple, max(cadence, 1))
            if common > multiple and (table == "steps" or common <= min(_LARGEST_MULTIPLE, 4 * span)):
                multiple, phase = common, found[0][0]  # of the rarest: the others have rows there too
        return multiple * math.ceil(span / multiple), phase % multiple

    def targets(self, every: int, phase: int) -> Iterator[tuple[int, int, int, int, int]]:
        """Yield the steps of the grid, and from which number on each is looked for: steps grow evenly in a stretch."""
        for row in self.stretches:
            first, last = row["first_step"], row["last_step"]
            if first is None:
                continue
            low, width = row["low_seq"], row["high_seq"] - row["low_seq"]
            for step in range(first + (phase - first) % every, last + 1, every):
                guess = low + int((step - first) / max(1, last - first) * width) - EVENTS_AROUND
                yield row["run"], row["segment"], max(low, guess), low + width, step

    def windows(self) -> Iterator[Window]:
        """Yield the windows that are read whole."""
        whole = {one["id"] for one in self.segments} - {one["id"] for one in self.of_long}
        number = max(1, len(self.of_long))
        first = max(self.size.first_events // number, EVENTS_AROUND)
        last = max(self.size.last_events // number, EVENTS_AROUND)
        for one in self.segments:
            if one["id"] in whole:
                yield one["run"], one["id"], one["first_seq"], one["next_seq"]
                continue
            yield one["run"], one["id"], one["first_seq"], one["first_seq"] + first
            yield one["run"], one["id"], self._end_of(one) - last, one["next_seq"]
        yield from self._epochs()
        yield from self._extremes()
        yield from self._jumps()
        yield from self._odd()

    def _epochs(self) -> Iterator[Window]:
        """Yield a window around each start of an epoch, unless there are many: its first and last losses are told."""
        runs = ", ".join(str(run) for run in sorted({one["run"] for one in self.of_long}))
        starts = self.connection.exec_driver_sql(
            f"SELECT run, segment, seq FROM epochs WHERE run IN ({runs}) LIMIT {_MANY_EPOCHS + 1}"
        ).fetchall()
        if len(starts) <= _MANY_EPOCHS:
            for run, segment, seq in starts:
                yield run, segment, seq - EVENTS_AROUND, seq + EVENTS_AROUND

    def _end_of(self, segment: Held) -> int:
        """Return the number after the last row of a segment that counts."""
        if segment["superseded_from"] is None:
            return int(segment["next_seq"])
        ends = [row["high_seq"] for row in self.stretches if row["segment"] == segment["id"] and row["num_steps"]]
        return int(max(ends, default=segment["next_seq"]))

    def _extremes(self) -> Iterator[Window]:
        """Yield a window around each extreme, of each rank's rows: the first of several alike."""
        for columns, table, name, take in _EXTREMES:
            for of_rank in self._by_rank():
                values = [row for row in of_rank if row[columns] is not None]
                if values:
                    best = take(row[columns] for row in values)
                    row = next(row for row in values if row[columns] == best)
                    yield from self._around(table, row, f"{name} = {best!r}")

    def _by_rank(self) -> list[list[Held]]:
        """Return the stretches of each run's lowest rank, then those of all its ranks."""
        ranks = {one["id"]: one["rank"] for one in self.of_long}
        made = []
        for run in sorted({one["run"] for one in self.of_long}):
            of_run = sorted(
                (row for row in self.stretches if row["run"] == run), key=lambda row: row["first_step"] or 0
            )
            lowest = min(ranks[one["id"]] for one in self.of_long if one["run"] == run)
            main = [row for row in of_run if ranks[row["segment"]] == lowest]
            made += [main] if len(main) == len(of_run) else [main, of_run]
        return made

    def _jumps(self) -> Iterator[Window]:
        """Yield a window before each of the greatest jumps above the stretch before."""
        for table, name, greatest, total, number in _JUMPS:
            for run in sorted({one["run"] for one in self.of_long}):
                jumps = []
                means: dict[int, float] = {}
                for row in self.stretches:
                    if row["run"] != run or not row[number]:
                        continue
                    mean = row[total] / row[number]
                    usual = min(means.get(row["segment"], mean), mean)
                    means[row["segment"]] = mean
                    if row[greatest] - usual > 0.5 * abs(usual):
                        jumps.append(((row[greatest] - usual) / (abs(usual) or 1e-300), row))
                jumps.sort(key=lambda jump: -jump[0])
                for _, row in jumps[: self.size.jumps]:
                    yield from self._around(table, row, f"{name} = {row[greatest]!r}", _ROWS_BEFORE)

    def _odd(self) -> Iterator[Window]:
        """Yield a window around the first row that is not finite, or moves nothing, of the first such stretches."""
        for table, odd, condition in _ODD:
            found = [row for row in self.stretches if odd(row)]
            for row in found[: self.size.odd_stretches]:
                yield from self._around(table, row, condition, _ROWS_BEFORE)

    def _around(self, table: str, stretch: Held, condition: str, before: int = 0) -> Iterator[Window]:
        """Yield the window around the first row of a stretch that fits, with so many rows of its table before it."""
        run, segment = stretch["run"], stretch["segment"]
        of = f"FROM {table} AS t WHERE t.run = {run} AND t.segment = {segment}"
        seq = only_value(
            self.connection,
            f"SELECT MIN(t.seq) {of} AND t.seq >= {stretch['low_seq']} AND t.seq < {stretch['high_seq']}"
            f" AND {condition}",
        )
        if seq is None:
            return
        low = seq - EVENTS_AROUND
        if before:
            rows = f"SELECT t.seq {of} AND t.seq <= {seq} ORDER BY t.seq DESC LIMIT {before + 1}"
            low = min(low, only_value(self.connection, f"SELECT MIN(b.seq) FROM ({rows}) AS b"))
        yield run, segment, low, seq + EVENTS_AROUND


_EXTREMES = (
    ("least_loss", "steps", "t.loss", min),
    ("greatest_loss", "steps", "t.loss", max),
    ("greatest_accuracy", "steps", "t.accuracy", max),
    ("least_norm", "grads", "t.total_norm", min),
    ("greatest_norm", "grads", "t.total_norm", max),
    ("greatest_grad", "grads", "t.max_grad", max),
    ("least_ratio", "param_updates", "t.update_ratio", min),
    ("greatest_ratio", "param_updates", "t.update_ratio", max),
)
"""Column of `stretches`, table and column of the rows, and which of its values is looked for."""

_JUMPS = (
    ("steps", "t.loss", "greatest_loss", "loss_sum", "num_losses"),
    ("grads", "t.total_norm", "greatest_norm", "norm_sum", "num_norms"),
)

_ODD: tuple[tuple[str, Callable[[Held], Any], str], ...] = (
    ("steps", lambda row: row["num_losses"] < row["num_steps"], "t.loss IS NULL"),
    ("grads", lambda row: row["num_norms"] < row["num_grads"], "t.total_norm IS NULL"),
    ("grads", lambda row: row["num_zero_norms"], "t.total_norm = 0"),
    ("param_updates", lambda row: row["num_ratios"] < row["num_updates"], "t.update_ratio IS NULL"),
    ("param_updates", lambda row: row["num_still_updates"], "t.num_params_updated = 0"),
)


def only_value(connection: "Connection", sql: str) -> Any:
    """Return the one value that a query gives."""
    return connection.exec_driver_sql(sql).scalar_one()
