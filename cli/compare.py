"""`debugstore compare`: what differs between runs, and where they first part."""

from typing import Annotated

import typer

from debugstore.render.formats import PageFormat

from . import options
from .options import Db, PageFormatOption


def compare(
    context: typer.Context,
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN", help="Runs or logs; one alone is compared segment by segment."),
    ] = None,
    db: Db = None,
    where: options.Where = None,
    tag: options.Tag = None,
    baseline: Annotated[str | None, typer.Option("--baseline", metavar="RUN", help="Compare with this run.")] = None,
    group: Annotated[
        str | None, typer.Option("--group", metavar="KEY", help="Runs with the same value are seeds of one group.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Align losses by step, tokens or seconds.")] = "step",
    sort: Annotated[str | None, typer.Option("--sort", metavar="METRIC", help="Order the runs, best first.")] = None,
    to_loss: Annotated[float | None, typer.Option("--to-loss", help="Also say when the loss is down to this.")] = None,
    rtol: Annotated[float | None, typer.Option("--rtol", help="Relative difference that still is equal.")] = None,
    atol: Annotated[float | None, typer.Option("--atol", help="Absolute difference that still is equal.")] = None,
    assert_equal: Annotated[
        bool, typer.Option("--assert-equal", help="Exit with 1 and one line on stderr where the runs part.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show the config keys that are equal too.")] = False,
    all_rows: options.AllRows = False,
    format: PageFormatOption = PageFormat.TABLE,
) -> None:
    """Say what differs between runs, at which step they first part, and what parted first.

    \b
    Examples:
      debugstore compare baseline lr-3e-3
      debugstore compare old.jsonl new.jsonl --assert-equal --rtol 1e-5
      debugstore compare --where 'config.lr > 1e-4' --baseline baseline
      debugstore compare --tag sweep --group config.lr
      debugstore compare resumed-run
    """
    from debugstore.render.compare import render

    with options.opened(context, db) as store:
        made = store.compare(
            runs or [],
            where=where,
            tag=tag,
            baseline=baseline,
            group=group,
            by=by,
            sort=sort,
            to_loss=to_loss,
            rtol=rtol,
            atol=atol,
            all_rows=all_rows,
        )
    options.write(render(made, format=format, all_keys=everything, **options.look()))
    if assert_equal and not made.equal:
        options.say(f"debugstore: {made.verdict}")
        raise typer.Exit(options.FINDINGS)
