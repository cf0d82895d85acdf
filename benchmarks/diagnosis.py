"""Score the diagnoses on the zoo, and write `docs/diagnosis-quality.md`.

`python -m benchmarks.diagnosis` trains what has no log yet, asks the diagnoses about every run, and writes the page.
With `--only`, `--families` or `--tuning` it prints the page of that part and leaves the file alone; `--misses` prints
one line for each answer that is not right.
"""

import argparse
import sys
import time
from collections.abc import Mapping

from benchmarks.zoo import ablation, effects, rules
from benchmarks.zoo.answers import CUTS, EARLY, SPARSE, Answer, answers, events_of
from benchmarks.zoo.effects import Effect, Place
from benchmarks.zoo.figures import Figures
from benchmarks.zoo.page import page
from benchmarks.zoo.run import LOGS, ROOT, Job, arguments, chosen, jobs, outcome, train_all
from benchmarks.zoo.score import Judged, Result, faults, judge, to_leave_alone

PAGE = ROOT / "docs" / "diagnosis-quality.md"


def _judged(made: Mapping[Job, Answer], gains: Mapping[Place, float]) -> list[Judged]:
    return [judge(job, answer, gains) for job, answer in made.items()]


def _fired(jobs: list[Job]) -> dict[Job, tuple[str, ...]]:
    """Return the plain rules that fire on each run."""
    logs = {job: sorted(job.folder(LOGS).glob("*.jsonl")) for job in jobs}
    return {job: rules.fired([event for path in paths for event in events_of(path)]) for job, paths in logs.items()}


def misses(judged: list[Judged]) -> list[str]:
    """Return a line for each answer that is not right."""
    lines = []
    for one in [*faults(judged), *to_leave_alone(judged)]:
        case, shown = one.job.case, ", ".join(f"{found.code}/{found.severity}" for found in one.answer.findings) or "-"
        if case.kind == "fault" and one.effect is Effect.FAULT and one.result is not Result.FIRST:
            lines.append(f"{one.job.run_id}: {one.result}; expected {case.codes[0]}, found {shown}")
        elif (case.kind != "fault" or one.effect is Effect.HARMLESS) and not one.quiet:
            lines.append(f"{one.job.run_id}: false alarm ({case.kind}, {one.effect}); found {shown}")
    return lines


def main() -> None:
    """Train, ask, score, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    parser.add_argument("--misses", action="store_true", help="print one line for each wrong answer, and nothing else")
    parser.add_argument("--no-training", action="store_true", help="score the logs that are there")
    parser.add_argument("--no-ablation", action="store_true", help="leave the ablation out")
    options = parser.parse_args()
    started, wanted = time.perf_counter(), chosen(options)
    if options.no_training:
        wanted = [job for job in wanted if outcome(job, stale=True) is not None]
    else:
        needed = list(dict.fromkeys([*jobs(["H-clean"], {job.family for job in wanted}), *wanted]))
        for count, job in enumerate(train_all(needed, workers=options.workers, stale=options.stale), 1):
            print(f"\r{count} trained, {job.run_id:40}", end="", file=sys.stderr)
    gains = effects.gains(wanted)
    judged = _judged(answers(wanted, workers=options.workers), gains)
    if options.misses:
        print("\n".join(misses(judged)))
        return
    early = [job for job in wanted if job.case.early]
    healthy = [job for job in wanted if job.case.kind == "healthy" and job.seed == 0]
    figures = Figures(
        command=" ".join(["python -m benchmarks.diagnosis", *sys.argv[1:]]),
        judged=judged,
        gains=gains,
        early=_judged(answers(early, EARLY, options.workers), gains),
        sparse=_judged(answers([job for job in wanted if job.seed == 0], SPARSE, options.workers), gains),
        cuts={edit.name: _judged(answers(healthy, edit, options.workers), gains) for edit in CUTS},
        baseline=_fired(wanted),
        num_stale=sum(outcome(job) is None for job in wanted),
    )
    if not options.no_ablation:
        scored = [one for one in faults(judged) if not one.tuned]
        figures.ablation = ablation.collapses(scored, options.workers)
    text = page(figures)
    if options.only or options.families or options.tuning or options.no_training:
        print(text)
    else:
        PAGE.write_text(text)
        print(f"{PAGE} written in {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
