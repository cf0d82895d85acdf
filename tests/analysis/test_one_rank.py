"""A fault on one rank of several: it is found although the others are sound, and the finding names the rank."""

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from debugstore.analysis import adhoc
from debugstore.analysis.findings import Finding
from debugstore.store.database import Database, open_database
from debugstore.store.ingest import ingest
from tests.analysis.bends import Logs, at, bent, fingerprint, from_step
from tests.analysis.fires import FIRES
from tests.analysis.stores import ask
from tests.support.logs import Run, write_logs

Store = tuple[Database, dict[str, int]]

OF_ONE_RANK = (
    *("nonfinite-loss", "nonfinite-gradients", "nonfinite-parameters", "inputs-nonfinite"),
    *("labels-out-of-range", "labels-all-ignored", "labels-constant"),
    *("inputs-constant", "inputs-out-of-scale", "batch-out-of-scale", "same-batch-repeated"),
    *("exploding-gradients", "gradient-spike", "loss-spike", "zero-gradients", "no-parameter-updates"),
    *("missing-zero-grad", "missing-optimizer-step", "zero-grad-before-step", "step-before-backward"),
    *("learning-rate-zero", "eval-mode-in-training", "optimizer-on-scaled-gradients"),
    *("parameters-not-in-optimizer", "graph-detached", "stale-optimizer", "unregistered-parameters"),
    *("training-failed", "stalled"),
)
"""Faults that one process can have while the others train on: its data, its hardware, what stands under `if rank`."""

WEIGHTS = {"updates": {"parameter_fingerprint": fingerprint("other")}}
OF_RANKS = {
    "nan on all, on one first": (
        "nonfinite-loss",
        [{"loss": from_step(110, math.nan, 2.0)}, {}, {"loss": from_step(100, math.nan, 2.0)}, {}],
        "ranks 0 and 2 of 4, first rank 2: the loss is nan at step 100",
    ),
    "nan on every rank": ("nonfinite-loss", [{"loss": from_step(100, math.nan, 2.0)}] * 4, "the loss is nan at step"),
    "one learning rate": (
        "rank-hyperparameters-differ",
        [{}, {}, {"step": {"learning_rate": at(200, 5e-3, 1e-3)}}, {}],
        "rank 2 of 4: the learning rate is 0.001 at step 0, on other ranks 0",
    ),
    "one set of weights": (
        "ranks-not-synchronised",
        [{}, {}, {}, WEIGHTS],
        "rank 3 of 4: after step 0 the ranks hold 2",
    ),
    "two sets of weights": ("ranks-not-synchronised", [WEIGHTS, {}, {}, WEIGHTS], "after step 0 the ranks hold 2"),
    "one start": (
        "ranks-differ-at-start",
        [{}, {"start": {"parameter_fingerprint": "feedfeedfeedfeed"}, **WEIGHTS}, {}, {}],
        "rank 1 of 4: 2 different sets of weights on 4 ranks",
    ),
    "two share their data": (
        "ranks-share-data",
        [
            {},
            {"step": {"batch_fingerprint": fingerprint("same")}},
            {},
            {"step": {"batch_fingerprint": fingerprint("same")}},
        ],
        "ranks 1 and 3 of 4: at 44 of 44 steps",
    ),
    "one is slow": ("straggler-rank", [{}, {}, {"loop": {"data_seconds": 0.02}}, {}], "rank 2 of 4: it needs 0.0"),
}
"""Four ranks, each with its bend: the diagnosis, and how its message begins."""


def of_one_rank(code: str) -> Logs:
    """Return the logs of two ranks of which the second has the fault."""
    (faulty,) = FIRES[code]
    return Run(world_size=2), replace(faulty, rank=1, world_size=2)


def of_ranks(name: str) -> Logs:
    """Return the logs of four ranks, each bent as it is said."""
    return tuple(bent(Run(rank=rank, world_size=4), **bend)[0] for rank, bend in enumerate(OF_RANKS[name][1]))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Ingest all of them on each engine; return the store and the runs' keys."""
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_server")
    cases = {**{code: of_one_rank(code) for code in OF_ONE_RANK}, **{name: of_ranks(name) for name in OF_RANKS}}
    logs = [
        replace(log, run_id=name, segment=f"{index}-{log.rank}")
        for index, (name, several) in enumerate(cases.items())
        for log in several
    ]
    with open_database(url, create=True) as database:
        ingest(database, write_logs(tmp_path_factory.mktemp("ranks"), logs))
        with database.read() as connection:
            keys = {row.run_id: row.id for row in connection.execute(text("SELECT id, run_id FROM runs"))}
        yield database, keys


def found(store: Store, name: str, code: str) -> Finding:
    """Return what one diagnosis finds, listed on its own or under its cause."""
    database, keys = store
    answer = ask(database, keys[name])
    return next(one for root in answer.findings for one in (root, *root.explained) if one.code == code)


@pytest.mark.parametrize("fault", OF_ONE_RANK)
def test_a_fault_of_one_rank_is_named_with_it(store: Store, fault: str) -> None:
    """What one rank of two shows is found though the other is sound; sentence, values and rows all name the rank."""
    finding = found(store, fault, fault)
    assert finding.message.startswith("rank 1 of 2: ")
    assert (finding.ranks, finding.first_ranks) == ((1,), (1,))
    database, _ = store
    with database.read() as connection:
        rows = adhoc.ask(connection, finding.evidence_sql)
    assert rows.rows
    assert {row[rows.columns.index("rank")] for row in rows.rows} == {1}


@pytest.mark.parametrize("name", OF_RANKS)
def test_ranks_are_told_where_they_differ(store: Store, name: str) -> None:
    """Those that show it, and where that is more, those that showed it first; nobody where all are alike."""
    code, _, message = OF_RANKS[name]
    assert found(store, name, code).message.startswith(message)
