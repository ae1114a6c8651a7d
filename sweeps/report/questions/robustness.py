"""Is a model more robust in zero-shot transfer when its intermediate task is near the target's domain?"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from sweeps.report.contrasts import SEED, mean_of, minus
from sweeps.report.correlation import LEAST, Correlation, correlation
from sweeps.report.figures import file_name
from sweeps.report.questions.answer import Answer, Cell, Drawing, Estimate, Table, corrected
from sweeps.report.questions.common import facts, listed, usual_cautions
from sweeps.report.questions.drops import changed_table, drop, drop_table, drops_by_seed, languages, whole
from sweeps.report.questions.plots import Forest, Point, Scatter
from sweeps.report.statistics import holm
from sweeps.report.study import Study
from sweeps.results.similarity import DISTANCES, similarities
from sweeps.spec.intermediate import NONE
from sweeps.spec.questions import perturbed

Nearness = dict[tuple[str, str, str, str], float]
"""By model, measure, intermediate and clean target; the higher, the nearer. Of several seeds the mean."""


@dataclass(frozen=True)
class Tried:
    """One measure of similarity, of one model, against the drops."""

    model: str
    measure: str
    names: list[str]
    pairs: dict[str, str]
    found: Correlation
    adjusted: float = 1.0
    """The p-value by Holm over all measures that were tried."""

    @property
    def shown(self) -> str:
        one = self.found
        return f"{_rho(one.value)} (95 % interval {_rho(one.low)} to {_rho(one.high)}"


def _rho(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def answer(study: Study) -> Answer:
    """Drops; drops against every measure of similarity that the sweep has."""
    spec = study.results.spec
    pairs = {target: clean for target, clean in perturbed(spec).items() if languages(study, target, clean)}
    nearness = nearness_of(study)
    tried = tries(study, pairs, nearness)
    tables = [drop_table(study, pairs)]
    if (changed := changed_table(study, pairs)) is not None:
        tables.append(changed)
    if tried:
        tables.insert(0, _table(tried))
    figures: list[Drawing] = [_scatter(study, one, nearness) for one in tried]
    figures.append(_forest(study, pairs))
    few = min((len(one.names) for one in tried), default=0)
    cautions = [
        "A correlation over intermediates is no effect of nearness: near tasks also have more rows, other formats, "
        "other labels.",
        "A smaller drop may come from a lower clean score: the relative drop stands beside it.",
        "Drops are of these perturbations at their strength, of these adversarial sets, and of no others.",
    ]
    if apart := [target for target in pairs if target in study.judge.unpaired]:
        cautions.append(
            f"{listed(apart)}: rows of their own, not paired with the clean ones, so that a drop is also one between "
            "two data sets."
        )
    if tried:
        needed = [one.found.needed for one in tried]
        could = "no rho at all" if None in needed else f"only a rho of {max(filter(None, needed)):.2f} or more"
        cautions.insert(
            0,
            f"{few} intermediates are {few} points, however many targets and seeds there are: at 5 % {could} could be "
            f"shown here, before correction over {len(tried)} measure{'' if len(tried) == 1 else 's'}.",
        )
    return Answer(
        "robustness",
        "Is a model more robust when its intermediate task is near the target’s domain?",
        _claim(study, pairs, tried, nearness),
        facts(
            study,
            [*pairs, *dict.fromkeys(pairs.values())],
            "starting model, target training (on clean rows alone), rows and seeds: clean and perturbed scores are of "
            "the same checkpoint",
        ),
        tuple(figures) if pairs else (),
        tuple(tables),
        (*cautions, *usual_cautions(study, max(1, len(tried)))),
    )


def nearness_of(study: Study) -> Nearness:
    """What the sweep's similarity steps have found, distances with their sign turned."""
    found: dict[tuple[str, str, str, str], list[float]] = {}
    for one in similarities(study.results.plan, study.results.store):
        sign = -1.0 if one.measure in DISTANCES else 1.0
        found.setdefault((one.model, one.measure, one.intermediate, one.target), []).append(sign * one.value)
    return {key: fmean(values) for key, values in found.items()}


def tries(study: Study, pairs: dict[str, str], nearness: Nearness) -> list[Tried]:
    """Every measure that has a value of LEAST intermediates or more, with Holm's correction over all of them."""
    found = []
    for model, measure in dict.fromkeys((model, measure) for model, measure, _, _ in nearness):
        names = [
            name
            for name in study.intermediates
            if name != NONE
            and all((model, measure, name, clean) in nearness for clean in pairs.values())
            and all(name in whole(study, model, target, clean) for target, clean in pairs.items())
        ]
        if len(names) < LEAST or not pairs:
            continue
        x = np.array([[nearness[model, measure, name, clean] for clean in pairs.values()] for name in names])
        rng = np.random.default_rng([SEED, zlib.crc32(f"{model} {measure}".encode())])
        found.append(
            Tried(model, measure, names, pairs, correlation(x, drops_by_seed(study, model, pairs, names), rng))
        )
    adjusted = holm([one.found.p for one in found])
    return [Tried(t.model, t.measure, t.names, t.pairs, t.found, p) for t, p in zip(found, adjusted, strict=True)]


def _table(tried: list[Tried]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for one in tried:
        least, most = min(one.found.without), max(one.found.without)
        rows.append(
            (
                one.measure.replace("_", " "),
                one.model,
                len(one.names),
                len(one.pairs),
                _rho(one.found.value),
                f"{_rho(one.found.low)} to {_rho(one.found.high)}",
                f"{one.found.p:.3f}",
                f"{one.adjusted:.3f}",
                f"{_rho(least)} to {_rho(most)}",
                "none" if one.found.needed is None else f"{one.found.needed:.2f}",
            )
        )
    caption = (
        "Spearman’s rho between nearness (distances with their sign turned) and drop, ranks within each set, pooled; "
        "below zero: the nearer, the smaller the drop. Intervals: bootstrap over intermediates and seeds; p: orders "
        f"of the intermediates; Holm over all {len(tried)} measures that were tried. Without one: the range when each "
        "intermediate is left out. Needed: the smallest size that so few points can show at 5 %."
    )
    head = ("measure", "model", "intermediates", "sets", "rho", "95 %", "p", "p (Holm)", "without one", "needed")
    return Table("question-robustness", caption, head, tuple(rows))


def _scatter(study: Study, one: Tried, nearness: Nearness) -> Scatter:
    points = []
    for name in one.names:
        for target, clean in one.pairs.items():
            over = languages(study, target, clean)
            found = study.judge.difference(drop(study, one.model, name, target, clean, over))
            if found:
                near = nearness[one.model, one.measure, name, clean]
                points.append(Point(near, Estimate.of(found), name, target))
    measure = one.measure.replace("_", " ")
    several = f", from {one.model}" if len(study.models) > 1 else ""
    return Scatter(
        file_name("question-robustness", one.measure, one.model),
        f"Drop against nearness{several}",
        f"A point for each intermediate and set: nearness of the intermediate to the clean target ({measure}"
        f"{', sign turned: to the right is nearer' if one.measure in DISTANCES else ''}), and the drop with its 95 % "
        "interval.",
        f"{'minus ' if one.measure in DISTANCES else ''}{measure}",
        "drop, points",
        tuple(points),
        f"rho {one.shown}), p {one.found.p:.3f}, Holm {one.adjusted:.3f}",
    )


def _forest(study: Study, pairs: dict[str, str]) -> Forest:
    rows: dict[str, dict[str, Estimate]] = {}
    for model in study.models:
        for target, clean in pairs.items():
            over = languages(study, target, clean)
            for name in whole(study, model, target, clean):
                found = study.judge.difference(drop(study, model, name, target, clean, over))
                label = f"{name}, {target}" if len(pairs) > 1 else name
                if found:
                    rows.setdefault(label, {})[model if len(study.models) > 1 else ""] = Estimate.of(found)
    return Forest(
        "question-robustness-drops",
        "Drop by intermediate",
        "Clean minus perturbed score, mean over languages; bars are 95 % intervals.",
        "points of drop",
        rows,
    )


def _claim(study: Study, pairs: dict[str, str], tried: list[Tried], nearness: Nearness) -> tuple[str, ...]:
    sentences = []
    if tried:
        sure = [one for one in tried if one.adjusted < 0.05]
        first = sure[0] if sure else tried[0]
        what = "the smaller" if first.found.value < 0 else "the larger"
        sentences.append(
            f"The nearer the intermediate, {what} the drop: rho {first.shown}, p {first.adjusted:.3f} after Holm) by "
            f"{first.measure.replace('_', ' ')}, over {len(first.names)} intermediates."
            if sure
            else f"Nearness of the intermediate and the drop are not shown to hang together: rho {first.shown}) by "
            f"{first.measure.replace('_', ' ')}, over {len(first.names)} intermediates; none of {len(tried)} measures "
            "holds at 5 % after Holm."
        )
        if len(sure) > 1:
            names = [f"{one.measure.replace('_', ' ')} ({one.model})" for one in sure]
            sentences.append(f"{len(sure)} of {len(tried)} measures hold: {listed(names)}.")
    else:
        others = [name for name in study.intermediates if name != NONE]
        lacking = [] if nearness else ["steps: {similarity: {}} in the sweep file"]
        few = f"{LEAST} intermediates, all their cells done; this sweep has {len(others)} beside none"
        sentences.append(f"Whether nearness goes with the drop is not known: it takes {listed([*lacking, few])}.")
    sentences += _changes(study, pairs)
    return tuple(sentences)


def _changes(study: Study, pairs: dict[str, str]) -> list[str]:
    """The drop without intermediate, and which intermediates change it."""
    lines = []
    for model in study.models:
        names = [
            name
            for name in study.intermediates
            if pairs and all(name in whole(study, model, target, clean) for target, clean in pairs.items())
        ]
        if NONE not in names:
            continue
        sums = {
            name: mean_of(
                drop(study, model, name, target, clean, languages(study, target, clean))
                for target, clean in pairs.items()
            )
            for name in names
        }
        base = study.judge.difference(sums[NONE])
        others = [name for name in names if name != NONE]
        judged = [study.judge.difference(minus(sums[name], sums[NONE])) for name in others]
        found = dict(zip(others, corrected([Estimate.of(d) if d else None for d in judged]), strict=True))
        if base is None:
            continue
        of = f" from {model}" if len(study.models) > 1 else ""
        sure = [f"{name} {one.number.rstrip('*')} ({one.interval})" for name, one in found.items() if one and one.sure]
        rest = f"changed by {listed(sure)}" if sure else "no intermediate is shown to change it"
        one = Estimate.of(base)
        lines.append(f"Without intermediate the drop{of} is {one.number} points ({one.interval}); {rest}.")
    return lines[:3]
