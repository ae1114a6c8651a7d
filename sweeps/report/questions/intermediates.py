"""Which intermediate tasks help zero-shot transfer: the study's own question (Phang et al. 2020, arXiv 2005.13013)."""

from __future__ import annotations

from sweeps.report.contrasts import minus
from sweeps.report.questions.answer import Answer, Estimate, Table, corrected, p_of
from sweeps.report.questions.common import average, counted, done, facts, listed, usual_cautions
from sweeps.report.questions.plots import Forest
from sweeps.report.study import Study
from sweeps.spec.intermediate import NONE


def answer(study: Study) -> Answer:
    """The average over targets, after each intermediate against none."""
    targets = counted(study)
    keys = [(model, name) for model in study.models for name in study.intermediates if name != NONE]
    found = corrected([_difference(study, model, name, targets) for model, name in keys])
    estimates = {key: one for key, one in zip(keys, found, strict=True) if one is not None}
    several = len(study.models) > 1
    rows = {name: {m if several else "": e for (m, n), e in estimates.items() if n == name} for _, name in keys}
    tests = len(estimates)
    return Answer(
        "intermediates",
        "Which intermediate tasks help zero-shot transfer?",
        _claim(estimates, tests, several),
        facts(study, targets, "starting model, target trainings, their settings, test rows and seeds"),
        figures=(
            Forest(
                "question-intermediates",
                "Difference to no intermediate, zero-shot",
                "Mean over targets and over the languages that were not trained on; bars are 95 % intervals.",
                "points of score, mean over targets",
                {name: row for name, row in rows.items() if row},
            ),
        )
        if estimates
        else (),
        tables=(_table(study, keys, estimates, targets, tests),),
        cautions=(
            "The largest of several differences is flattered by being chosen.",
            "An average over targets mixes measures: it ranks intermediates, and is no percentage of anything.",
            *usual_cautions(study, tests),
        ),
    )


def _difference(study: Study, model: str, name: str, targets: list[str]) -> Estimate | None:
    both = [target for target in targets if done(study, model, name, [target]) and done(study, model, NONE, [target])]
    if not targets or both != targets:
        return None
    sums = (average(study, model, one, targets) for one in (name, NONE))
    found = study.judge.difference(minus(*sums))
    return Estimate.of(found) if found else None


def _claim(estimates: dict[tuple[str, str], Estimate], tests: int, several: bool) -> tuple[str, ...]:
    if not estimates:
        return ("Not known yet: no intermediate has all its cells, and none beside them.",)

    def named(key: tuple[str, str]) -> str:
        return f"{key[1]} (from {key[0]})" if several else key[1]

    sure = {key: one for key, one in estimates.items() if one.sure}
    up = {key: one for key, one in sure.items() if one.value > 0}
    best, most = max(estimates.items(), key=lambda item: item[1].value)
    rest = f"Of {tests} differences {len(sure) or 'none'} hold{'s' if len(sure) == 1 else ''} at 5 % after Holm."
    if up:
        shown = listed(f"{named(key)} {one.number.rstrip('*')} points ({one.interval})" for key, one in up.items())
        first = f"Shown to raise the zero-shot average: {shown}."
    else:
        first = (
            f"No intermediate is shown to raise the zero-shot average; the largest difference is "
            f"{most.number} points with {named(best)} (95 % interval {most.interval})."
        )
    down = [f"{named(key)} {one.number}" for key, one in sure.items() if one.value < 0]
    return (first, rest + (f" Lowered: {listed(down)}." if down else ""))


def _table(
    study: Study,
    keys: list[tuple[str, str]],
    estimates: dict[tuple[str, str], Estimate],
    targets: list[str],
    tests: int,
) -> Table:
    results = study.results
    several = len(study.models) > 1
    rows = []
    for model in study.models:
        for name in study.intermediates:
            entry = results.entry(model, name, targets, None, "zero-shot") if targets else None
            found = estimates.get((model, name))
            judged = (found, p_of(found)) if (model, name) in keys else ("–", "–")
            rows.append((name, *((model,) if several else ()), str(entry) if entry else None, *judged))
    head = ("intermediate", *(("model",) if several else ()), "score", "difference to none (95 %)", "p (Holm)")
    caption = (
        f"Zero-shot average over {len(targets)} target{'' if len(targets) == 1 else 's'} ({listed(targets)}), in "
        f"percent. * holds at 5 % after Holm’s correction over the {tests} differences of this table."
    )
    return Table("question-intermediates", caption, head, tuple(rows))
