"""The page `docs/diagnosis-quality.md`: figures to Markdown, nothing is computed here but shares."""

from collections import Counter
from collections.abc import Iterable

from benchmarks.zoo import effects
from benchmarks.zoo.cases import Case
from benchmarks.zoo.effects import Effect
from benchmarks.zoo.families import FAMILIES, TUNING
from benchmarks.zoo.figures import Figures, codes, counted, percent, scored, short, table
from benchmarks.zoo.rules import RULES, named
from benchmarks.zoo.score import (
    PAIRS,
    Judged,
    Result,
    confusion,
    faults,
    results,
    share,
    to_leave_alone,
    told_apart,
)


def _goals(figures: Figures) -> list[str]:
    wrong = faults(scored(figures.judged))
    counts = results(wrong)
    first, listed = counts[Result.FIRST], counts[Result.FIRST] + counts[Result.LISTED]
    healthy = [one for one in figures.judged if one.job.case.kind == "healthy"]
    cut = [one for part in figures.cuts.values() for one in part]
    early = faults(scored(figures.early))
    apart = [told_apart(scored(figures.judged), group) for group in PAIRS]
    rows = [
        ("the cause is the first finding, families not tuned on", "90 %", percent(first, len(wrong))),
        ("the cause is listed, families not tuned on", "95 %", percent(listed, len(wrong))),
        (
            "healthy runs with a finding of `warning` or above, all families",
            "0",
            f"{sum(not one.quiet for one in healthy)} of {len(healthy)}",
        ),
        (
            "healthy logs cut in mid-run with such a finding, all families",
            "0",
            f"{sum(not one.quiet for one in cut)} of {len(cut)}",
        ),
        (
            "wiring and loop-order faults named from the first two optimizer steps, families not tuned on",
            "100 %",
            percent(results(early)[Result.FIRST], len(early)),
        ),
        (
            "groups of look-alikes told apart in at least 90 %",
            f"{len(PAIRS)}",
            str(sum(share(*pair) >= 0.9 for pair in apart if pair[1])),
        ),
    ]
    return ["## Goals", "", *table(("goal", "aim", "measured"), rows)]


def _families(figures: Figures) -> list[str]:
    rows = []
    groups = [(name, [one for one in figures.judged if one.job.family == name]) for name in FAMILIES]
    groups.append(("**all not tuned on**", scored(figures.judged)))
    for name, of_family in groups:
        wrong, quiet = faults(of_family), to_leave_alone(of_family)
        counts = results(wrong)
        found = counts[Result.FIRST] + counts[Result.LISTED]
        cells = [short(counts[Result.FIRST], len(wrong)), short(found, len(wrong))]
        cells += [str(counts[kind]) for kind in (Result.SYMPTOM, Result.ABSTAINED, Result.FALSE_CAUSE)]
        alarms = f"{sum(not one.quiet for one in quiet)} of {len(quiet)}"
        rows.append((f"{name} (tuned)" if name in TUNING else name, len(wrong), *cells, alarms))
    head = (
        "family",
        "faulty runs",
        "first",
        "listed",
        "symptom only",
        "nothing",
        "another cause",
        "alarms on harmless",
    )
    return ["## By family", "", *table(head, rows)]


def _causes(figures: Figures) -> list[str]:
    """One row a case: how often its cause came first, tuned and scored families apart."""
    cases: dict[Case, list[Judged]] = {}
    for one in faults(figures.judged):
        cases.setdefault(one.job.case, []).append(one)
    rows = []
    for case, of_case in cases.items():
        cells = []
        for tuned in (True, False):
            part = [one for one in of_case if one.tuned is tuned]
            cells.append(f"{results(part)[Result.FIRST]} of {len(part)}" if part else "-")
        others = Counter(one.answer.first or "nothing" for one in of_case if one.result is not Result.FIRST)
        rows.append((case.id, case.says, codes(case.codes[:1]), *cells, counted(others)))
    head = ("case", "what is wrong", "code", "tuned", "not tuned", "first instead")
    return ["## By fault", "", *table(head, rows)]


def _confusion(figures: Figures) -> list[str]:
    rows = [
        (f"`{expected}`", f"`{found}`", count)
        for (expected, found), count in confusion(faults(scored(figures.judged))).most_common()
    ]
    right: Counter[str] = Counter(
        one.job.case.codes[0] for one in faults(scored(figures.judged)) if one.result is Result.FIRST
    )
    diagonal = ", ".join(f"`{code}` {count}" for code, count in sorted(right.items()))
    return [
        "## Confusion matrix",
        "",
        "Families not tuned on. The diagonal, right first findings by cause: " + (diagonal or "none") + ".",
        "",
        "Off the diagonal:",
        "",
        *table(("expected", "first found", "runs"), rows),
    ]


def _alarms(figures: Figures) -> list[str]:
    lines = ["## Healthy regimes", ""]
    healthy = [one for one in figures.judged if one.job.case.kind == "healthy"]
    regimes = {one.job.case.id for one in healthy}
    lines += [f"{len(regimes)} regimes, {len(healthy)} runs. Findings of `warning` or above, each a false alarm:", ""]
    rows = [(one.job.run_id, one.job.case.says, codes(one.answer.alarms)) for one in healthy if not one.quiet]
    lines += table(("run", "regime", "findings"), rows) if rows else ["None.", ""]
    lines += ["### While they run", "", "The same logs (first seed), cut where a part of their events was written:", ""]
    rows = [
        (name.removeprefix("cut-") + " %", str(len(part)), ", ".join(_cut_alarms(part)) or "none")
        for name, part in figures.cuts.items()
    ]
    lines += table(("written", "logs", "with a finding of `warning` or above"), rows)
    harmless = [one for one in to_leave_alone(figures.judged) if one.job.case.kind != "healthy"]
    lines += [
        "### Harmless and invisible injections",
        "",
        f"An injection counts as harmless on a family where it keeps at least {effects.HARMLESS:.0%} of the clean gain "
        "in quality and is no fault by itself; a cause without an effect is a note there. Invisible ones leave no "
        "trace of their cause in any log: symptoms may be named, another cause may not. "
        f"{len(harmless)} runs, of these with an alarm:",
        "",
    ]
    rows = [(one.job.run_id, one.job.case.says, codes(one.answer.alarms)) for one in harmless if not one.quiet]
    lines += table(("run", "injection", "findings"), rows) if rows else ["None.", ""]
    quiet = Counter((one.job.case.id, one.job.case.says) for one in harmless)
    lines += ["All of them:", "", *table(("case", "injection", "runs"), [(*case, n) for case, n in quiet.items()])]
    return lines


def _cut_alarms(part: Iterable[Judged]) -> list[str]:
    return [f"{one.job.run_id} ({codes(one.answer.alarms)})" for one in part if not one.quiet]


def _pairs(figures: Figures) -> list[str]:
    rows = []
    for group in PAIRS:
        parts = ([one for one in figures.judged if one.tuned is tuned] for tuned in (True, False))
        cells = [percent(*told_apart(part, group)) for part in parts]
        rows.append((", ".join(group), *cells))
    return ["## Look-alikes", "", *table(("group", "tuned", "not tuned"), rows)]


def _early(figures: Figures) -> list[str]:
    rows = []
    for tuned in (True, False):
        part = faults(one for one in figures.early if one.tuned is tuned)
        counts = results(part)
        rows.append(
            (
                "tuned" if tuned else "not tuned",
                percent(counts[Result.FIRST], len(part)),
                percent(counts[Result.FIRST] + counts[Result.LISTED], len(part)),
            )
        )
    missed = [one for one in faults(figures.early) if one.result is not Result.FIRST]
    misses = Counter(f"{one.job.case.id} (`{one.answer.first or 'nothing'}`)" for one in missed)
    lines = [
        "## From the first two optimizer steps",
        "",
        "Logs of the faults of wiring and of loop order, cut before the third step:",
        "",
        *table(("families", "first", "listed"), rows),
    ]
    shown = ", ".join(f"{name} {count}" for name, count in misses.items())
    return [*lines, f"Missed: {shown or 'none'}.", ""]


def _sparse(figures: Figures) -> list[str]:
    part = faults(scored(figures.sparse))
    counts = results(part)
    healthy = [one for one in figures.sparse if one.job.case.kind == "healthy"]
    return [
        "## At the default cadence",
        "",
        "The trainings are short, so they are logged every 5 steps and updates every 10. The same logs, thinned to the "
        "default cadence of 10 and 50, which leaves some 16 logged steps of 120 (first seed):",
        "",
        *table(
            ("first", "listed", "healthy runs with an alarm"),
            [
                (
                    percent(counts[Result.FIRST], len(part)),
                    percent(counts[Result.FIRST] + counts[Result.LISTED], len(part)),
                    f"{sum(not one.quiet for one in healthy)} of {len(healthy)}",
                )
            ],
        ),
        "No longer first: " + counted(Counter(one.job.case.id for one in part if one.result is not Result.FIRST)) + ".",
        "",
    ]


def _baseline(figures: Figures) -> list[str]:
    wrong = faults(scored(figures.judged))
    healthy = [one for one in figures.judged if one.job.case.kind == "healthy"]
    rows = []
    for name, (_, suggested) in RULES.items():
        caught = sum(name in figures.baseline[one.job] for one in wrong)
        right = sum(
            name in figures.baseline[one.job] and bool(set(suggested) & set(one.job.case.codes)) for one in wrong
        )
        alarms = sum(name in figures.baseline[one.job] for one in healthy)
        rows.append((name, short(caught, len(wrong)), short(right, len(wrong)), short(alarms, len(healthy))))
    caught = sum(bool(figures.baseline[one.job]) for one in wrong)
    right = sum(bool(named(figures.baseline[one.job]) & set(one.job.case.codes)) for one in wrong)
    alarms = sum(bool(figures.baseline[one.job]) for one in healthy)
    rows.append(("**all together**", short(caught, len(wrong)), short(right, len(wrong)), short(alarms, len(healthy))))
    ours = results(wrong)
    rows.append(
        (
            "**debugstore**",
            short(sum(not one.quiet for one in wrong), len(wrong)),
            short(ours[Result.FIRST], len(wrong)),
            short(sum(not one.quiet for one in healthy), len(healthy)),
        )
    )
    return [
        "## Baseline: plain threshold rules",
        "",
        "Rules of other tools with their own thresholds, on the same runs (`benchmarks/zoo/rules.py`). A rule names "
        "the cause where what it suggests is the cause; suggesting several counts as naming each.",
        "",
        *table(("rule", "fires on faults", "suggests the cause", "fires on healthy runs"), rows),
    ]


def _ablation(figures: Figures) -> list[str]:
    rows = []
    for probe, lost in figures.ablation.items():
        by_cause: dict[str, Counter[str]] = {}
        for (expected, found), count in lost.items():
            by_cause.setdefault(expected, Counter())[found] += count
        shown = "; ".join(f"`{cause}` → {counted(found)}" for cause, found in sorted(by_cause.items()))
        rows.append((probe, sum(lost.values()), shown or "nothing"))
    return [
        "## Ablation: without one probe",
        "",
        "The fields of one probe are taken out of the logs (first seed, families not tuned on), and the runs whose "
        "diagnosis reads one of them are asked again. Runs whose cause no longer comes first, and what does instead:",
        "",
        *table(("without", "runs lost", "what collapses into what"), rows),
    ]


def _crashes(figures: Figures) -> list[str]:
    rows = [
        (one.job.case.id, one.job.case.says, one.job.family, codes(sorted(one.answer.listed)))
        for one in figures.judged
        if one.job.case.kind == "crash"
    ]
    merged: dict[tuple[str, str, str], list[str]] = {}
    for case, says, family, shown in rows:
        merged.setdefault((case, says, shown), []).append(family)
    return [
        "## Crashes",
        "",
        "Faults that end the training by an exception are counted apart: the exception names most of them. What the "
        "report lists:",
        "",
        *table(
            ("case", "what is wrong", "findings", "families"),
            [(case, says, shown, ", ".join(families)) for (case, says, shown), families in merged.items()],
        ),
    ]


def _borderline(figures: Figures) -> list[str]:
    found: dict[str, list[str]] = {}
    for one in figures.judged:
        if one.job.case.kind == "fault" and one.effect is Effect.BORDERLINE and one.job.seed == 0:
            gain = figures.gains[one.job.case.id, one.job.family]
            found.setdefault(one.job.case.id, []).append(f"{one.job.family} {gain:.2f}")
    shown = "; ".join(f"{case} on {', '.join(places)}" for case, places in found.items())
    return [f"Not scored, as too close to call (the share of the clean gain that is left): {shown or 'none'}.", ""]


def page(figures: Figures) -> str:
    """Return the whole page."""
    tuned, others = ", ".join(TUNING), ", ".join(name for name in FAMILIES if name not in TUNING)
    seeds = max((one.job.seed for one in figures.judged), default=0) + 1  # of the faults; regimes have two
    ids = {one.job.case.id for one in faults(figures.judged)}
    parts = [
        "# How good the diagnoses are",
        "",
        f"Made by `{figures.command}`; do not edit.",
        "",
        f"{len(ids)} faults and {len({one.job.case.id for one in figures.judged if one.job.case.kind == 'healthy'})} "
        f"healthy regimes, each a short training on real data with the real logger, on up to {len(FAMILIES)} model "
        f"families, {seeds} {'seed' if seeds == 1 else 'seeds'}: {len(figures.judged)} runs. Thresholds were chosen on "
        f"{tuned} alone. {others} are scored; where they showed that a rule's logic was wrong it was mended for a "
        "reason that holds everywhere, at times by a further condition. So they are not blind: trainings of another "
        "kind will fare worse.",
        "",
        f"When the page was written, {figures.num_stale or 'none'} of the {len(figures.judged)} logs "
        f"{'was' if figures.num_stale < 2 else 'were'} of another revision of the code.",
        "",
        "A fault counts where it does harm: where the trained model keeps less than "
        f"{effects.HARMFUL:.0%} of the clean training's gain in quality (accuracy, or variance explained, on untouched "
        "validation data), or where it is a fault whatever the model learns, as a parameter that is never trained. "
        "Where such a fault has no effect on the loss, its cause may be a `note`; it counts as named.",
        "",
        *_borderline(figures),
        *_goals(figures),
        *_families(figures),
        *_pairs(figures),
        *(_early(figures) if figures.early else []),
        *(_sparse(figures) if figures.sparse else []),
        *(_baseline(figures) if figures.baseline else []),
        *(_ablation(figures) if figures.ablation else []),
        *_confusion(figures),
        *_alarms(figures),
        *_crashes(figures),
        *_causes(figures),
    ]
    return "\n".join(parts).rstrip() + "\n"
