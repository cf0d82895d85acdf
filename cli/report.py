"""`debugstore report`: does a run learn and, if not, why."""

from pathlib import Path
from typing import Annotated

import typer

from debugstore.render.formats import PageFormat

from . import options
from .options import Db, PageFormatOption, RunArgument


def report(
    context: typer.Context,
    run: RunArgument = "latest",
    db: Db = None,
    format: PageFormatOption = PageFormat.TABLE,
    fail_on: Annotated[
        options.FailOn | None, typer.Option("--fail-on", help="Exit with 1 on a finding this bad or worse.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CODE", help="Ask this diagnosis alone; may be repeated.")
    ] = None,
    since_step: Annotated[
        int | None, typer.Option("--since-step", help="Leave out what came before this step.")
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option("--threshold", metavar="CODE.NAME=VALUE", help="Change a diagnosis's threshold; may be repeated."),
    ] = None,
    diagnoses: Annotated[
        Path | None, typer.Option("--diagnoses", metavar="DIR", help="Also ask the .sql diagnoses of this folder.")
    ] = None,
    all_rows: options.AllRows = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="CODE", help="Say what a diagnosis means, and report on nothing.")
    ] = None,
) -> None:
    """Say whether a run learns and, if not, why, with the rows that prove it and what to do.

    \b
    Examples:
      debugstore report
      debugstore report baseline --fail-on error
      debugstore report logs/debug/debug_log_20260101_120000.jsonl
      debugstore report baseline --threshold loss-spike.ratio=3
      debugstore report --explain missing-zero-grad

    Thresholds and a folder of diagnoses may stand in pyproject.toml too, under [tool.debugstore].
    """
    from debugstore.project import read_project

    project = read_project().changed(thresholds=threshold or (), diagnoses_dir=diagnoses)
    if explain is not None:
        from debugstore.render.explain import render as render_diagnosis

        page = render_diagnosis(project.diagnosis(explain), format=format, **options.look())
        options.write(page)
        return
    from debugstore.render.report import render

    with options.opened(context, db) as store:
        made = store.report(
            run,
            only=only,
            since_step=since_step,
            thresholds=project.thresholds,
            diagnoses_dir=project.diagnoses_dir,
            all_rows=all_rows,
        )
    options.write(render(made, format=format, **options.look()))
    if fail_on is not None and made.worst() in fail_on.or_worse:
        raise typer.Exit(options.FINDINGS)
