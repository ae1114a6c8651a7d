"""What all answers need: which targets count, sums of scores over them, and the facts that every answer states."""

from __future__ import annotations

from collections.abc import Iterable

from sweeps.report.contrasts import Part, mean_of
from sweeps.report.narrative import seeds_sentence
from sweeps.report.study import Study
from sweeps.results.results import Average, in_averages

ZERO_SHOT: Average = "zero-shot"
UNMARKED = "A difference that is not marked is not shown to be absent: its interval says what it may be."
ON_DEV = "checkpoints: dev rows of the training language; no test row and no other language has a say"


def counted(study: Study) -> list[str]:
    """The targets that averages are over: all with scores, but for copies of others (other labels, perturbed rows)."""
    return in_averages(study.targets)


def done(study: Study, model: str, intermediate: str, targets: Iterable[str]) -> list[str]:
    """Those of some targets that every seed has a score of."""
    seeds = study.results.spec.seeds
    return [name for name in targets if all((model, intermediate, name, seed) in study.judge.cells for seed in seeds)]


def average(study: Study, model: str, intermediate: str, targets: Iterable[str]) -> dict[Part, float]:
    """The zero-shot mean over targets, each over its languages."""
    return mean_of(
        study.judge.scores(model, intermediate, target, study.results.languages(target, ZERO_SHOT))
        for target in targets
        if study.results.languages(target, ZERO_SHOT)
    )


def facts(study: Study, targets: Iterable[str], held: str, chosen: str = ON_DEV) -> dict[str, str]:
    """n, seeds, what was held fixed, what was chosen on what, what collapsed."""
    results, named = study.results, list(targets)
    spec = results.spec
    rows = sum({(t, x): n for (_, t, x), n in study.judge.rows.items() if t in named}.values())
    collapsed = [cell for cell in results.cells if results.collapse_notes.collapse_behind(cell.evaluation)]
    axes = (
        (len(spec.models), "model"),
        (len(spec.intermediates), "intermediate"),
        (len(named), "target"),
        (len(spec.seeds), "seed"),
    )
    found = {
        "n": ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in axes)
        + f"; {len(results.cells)} of {len(results.plan.cells)} cells done; {rows:,} test rows",
        "intervals": "95 %, paired bootstrap over test examples, Student’s t over seeds"
        if len(spec.seeds) > 1
        else "95 %, over test examples alone: one seed says nothing of others",
        "held fixed": held,
        "chosen on": chosen,
        "collapsed": f"{len(collapsed)} of {len(results.cells)} cells, counted in every mean" if collapsed else "none",
    }
    if results.stopped:
        found["selection"] = f"{len(results.stopped)} trainings were stopped on dev rows: a selection, not a study"
    if results.rounds:
        found["rounds"] = f"{results.rounds}: a selection, not a study"
    return found


def usual_cautions(study: Study, differences: int) -> list[str]:
    """What may be concluded of no sweep of this kind."""
    spec = study.results.spec
    lines = [UNMARKED, seeds_sentence(spec, differences)]
    if spec.test_limit is not None:
        lines.append(f"Scores are over {spec.test_limit} rows of each language, not over whole test sets.")
    return lines


def listed(names: Iterable[str], most: int = 6) -> str:
    """Names in a sentence, not too many."""
    shown = list(names)
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")
