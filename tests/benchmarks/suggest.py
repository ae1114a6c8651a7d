"""How well `xstilts suggest` finds the best intermediate, by hiding cells of sweeps whose scores are known.

    python tests/benchmarks/suggest.py                       # artificial tables of scores, with a known truth
    python tests/benchmarks/suggest.py FILE... [--by dev]    # finished sweeps, with -o as they were run

Of each sweep a share of its entries (all seeds of an intermediate on a target) is hidden, at random; the rest predicts
them. For each target the hidden intermediates are ranked, as if one of them were to be run next. regret@k (Poth et al.
2021, arXiv 2104.08247): the best score of the hidden ones minus the best among the k that are ranked first, over the
best, in per cent; where k or fewer are hidden there is nothing to choose, and the target is left out. Beside it, ranked
in the obvious ways: by the intermediate's own score on its English dev rows, by how many train rows it has, by its mean
over the targets where it is known (the average winner), at random.
`coverage`: how often a hidden entry is within its 90 % interval. Prints a table, then whether predictions are better
than the best of the obvious ways, with the standard error of the difference over draws.

The artificial tables have six targets, eight intermediates and two seeds. A score is the target's level, an effect of
the intermediate, one of it on the type of task, one on the target, and noise; of one half of the effect on a target a
similarity tells. `no structure`: effects on single targets alone, of which nothing tells, so that nothing can be better
than chance.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sweeps.plan.graph import Cell, Variant
from sweeps.results.results import Results
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import load
from sweeps.suggest.effects import Effects, Floats
from sweeps.suggest.suggestions import predicted_from
from sweeps.suggest.table import MEAN, Objective, Scores, effects_of, features_of, intermediates_of, place_of, scores_of
from trainables.recipe.recipes import TrainRecipe
from trainables.steps import TrainResult
from trainables.store import Store
from trainables.tasks import get_task

HIDDEN = (0.5, 0.75)
DRAWS = 100
TARGETS = ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa")
INTERMEDIATES = ("none", "mnli", "snli", "qqp", "squad", "ccg", "cosmosqa", "hellaswag")
WAYS = ("suggest", "English dev", "rows", "average winner", "random")


@dataclass(frozen=True)
class Sweep:
    """A finished sweep, as far as it is ranked.

    Attributes:
        dev, rows: of each intermediate: its own score on dev rows, and how many train rows it has; none of those that
            have none.
    """

    name: str
    scores: Scores
    effects: Effects
    dev: dict[str, float]
    rows: dict[str, float]


def artificial(seed: int, structure: bool) -> Sweep:
    """A table of scores with a known truth."""
    rng = np.random.default_rng(seed)
    types = {target: get_task(target).type for target in TARGETS}
    level = {target: rng.uniform(40, 85) for target in TARGETS}
    quality = {name: rng.normal(0, 2.0 * structure) for name in INTERMEDIATES}
    kinship = {(name, kind): rng.normal(0, 2.0 * structure) for name in INTERMEDIATES for kind in set(types.values())}
    own = {(name, target): rng.normal(0, 1.5) for name in INTERMEDIATES for target in TARGETS}
    told = {pair: 0.7 * structure * effect / 1.5 + 0.7 * rng.normal() for pair, effect in own.items()}
    cells, values = [], []
    for name in INTERMEDIATES:
        for seed_of in (1, 2):
            for target in TARGETS:
                cells.append(Cell("model", name, target, seed_of, (Variant(f"{name}-{target}-{seed_of}"),)))
                effect = quality[name] + kinship[name, types[target]] + own[name, target]
                values.append(level[target] + effect + rng.normal(0, 0.7))
    count = len(cells)
    scores = Scores(tuple(cells), np.arange(count), (MEAN,) * count, np.array(values))
    similarity = np.array([told[cell.intermediate, cell.target] for cell in cells])
    effects = effects_of(scores, {"similarity": (similarity - similarity.mean()) / similarity.std()})
    dev = {name: 70 + quality[name] + rng.normal(0, 3) for name in INTERMEDIATES[1:]}
    rows = {name: 5 + 0.2 * quality[name] + rng.normal(0, 0.5) for name in INTERMEDIATES[1:]}
    return Sweep("artificial" if structure else "no structure", scores, effects, dev, rows)


def finished(file: Path, overrides: list[str], by: Objective) -> Sweep:
    """A sweep that has been run. Its cells that are not done are left out."""
    spec = read_spec(file, overrides)
    results = Results(load(spec, file, Store(spec.storage)))
    scores = scores_of(results, by)
    _, rows = intermediates_of(results.plan)
    dev: dict[str, list[float]] = {}
    for step in results.plan.steps.values():
        for role in step.roles:
            of_intermediate = role.phase == "intermediate" and isinstance(step.recipe, TrainRecipe)
            best = (
                TrainResult.of(results.store, step.id).best if of_intermediate and results.store.done(step.id) else None
            )
            if best is not None:
                dev.setdefault(role.intermediate, []).append(float(best["value"]))
    effects = effects_of(scores, features_of(scores, results))
    return Sweep(spec.sweep, scores, effects, {name: float(np.mean(of)) for name, of in dev.items()}, rows)


@dataclass
class Draw:
    """What one draw of hidden entries came to."""

    regret: dict[tuple[str, int], list[float]]
    within: list[bool]


def judged(sweep: Sweep, share: float, rng: np.random.Generator) -> Draw:
    """Hide a share of the entries, predict them, and rank."""
    scores, places = sweep.scores, sweep.scores.places
    truth = scores.average @ np.nan_to_num(scores.values)
    complete = [row for row in range(len(places)) if scores.seen[scores.average[row] > 0].all()]
    able = [row for row in complete if places[row][1] != "none"]
    hidden = rng.permutation(able)[: max(1, round(share * len(able)))]
    names = {places[row] for row in hidden}
    left = scores.without(number for number, cell in enumerate(scores.cells) if place_of(cell) in names)
    predicted = predicted_from(left, sweep.effects)
    expected = left.average @ predicted.fitted.predicted
    half = predicted.entry_half_widths()
    within = [bool(abs(expected[row] - truth[row]) <= half[row]) for row in hidden]
    found = Draw({}, within)
    open_rows = set(hidden.tolist())
    known = {row: truth[row] for row in complete if row not in open_rows}
    by_way = {way: _values(way, sweep, expected, known, rng) for way in WAYS}
    for group in _groups(places):
        rows = [row for row in group if row in open_rows]
        best = max((truth[row] for row in rows), default=0.0)
        for way, value in by_way.items():
            ranked = sorted(rows, key=lambda row, value=value: -value(row))
            for k in (k for k in (1, 3) if k < len(rows)):
                lost = best - max(truth[row] for row in ranked[:k])
                found.regret.setdefault((way, k), []).append(100 * lost / max(abs(best), 1e-9))
    return found


def _groups(places) -> Iterator[list[int]]:
    groups: dict[tuple[str, str], list[int]] = {}
    for row, (model, _, target) in enumerate(places):
        groups.setdefault((model, target), []).append(row)
    return iter(groups.values())


def _values(
    way: str, sweep: Sweep, expected: Floats, known: dict[int, float], rng: np.random.Generator
) -> Callable[[int], float]:
    """What a way ranks by; `known`: the entries that are not hidden."""
    places = sweep.scores.places
    if way == "suggest":
        return lambda row: float(expected[row])
    drawn = rng.permutation(len(places))
    if way == "random":
        return lambda row: float(drawn[row])
    if way == "average winner":
        means: dict[str, list[float]] = {}
        for group in _groups(places):
            of = [row for row in group if row in known]
            level = float(np.mean([known[row] for row in of])) if of else 0.0
            for row in of:
                means.setdefault(places[row][1], []).append(known[row] - level)
        return lambda row: float(np.mean(means.get(places[row][1], [0.0])))
    known_of = sweep.dev if way == "English dev" else sweep.rows
    return lambda row: known_of.get(places[row][1], -math.inf)


def table(sweeps: list[list[Sweep]], times: int) -> None:
    """Print the table, and whether predictions are better than the best of the obvious ways."""
    heading = ("sweep", "hidden", *(f"{way} @{k}" for way in WAYS for k in (1, 3)), "coverage")
    print("| " + " | ".join(heading) + " |")
    print("| " + " | ".join("---" for _ in heading) + " |")
    said = []
    for draws in sweeps:
        for share in HIDDEN:
            rng = np.random.default_rng(1)
            found = [judged(draws[number % len(draws)], share, rng) for number in range(times)]
            means = {
                (way, k): np.array([np.mean(one.regret[way, k]) for one in found if (way, k) in one.regret])
                for way in WAYS
                for k in (1, 3)
            }
            cells = [f"{of.mean():.2f}" if len(of) else "-" for of in means.values()]
            covered = np.mean([inside for one in found for inside in one.within])
            print(f"| {draws[0].name} | {100 * share:.0f} % | {' | '.join(cells)} | {100 * covered:.0f} % |")
            said.append(f"{draws[0].name}, {100 * share:.0f} % hidden: {_verdict(means)}")
    print("", *said, sep="\n")


def _verdict(means: dict[tuple[str, int], Floats]) -> str:
    if len(means["suggest", 1]) < 2:
        return "no target has two hidden intermediates, so there is nothing to choose"
    best = min(WAYS[1:], key=lambda way: means[way, 1].mean())
    gain = means[best, 1] - means["suggest", 1]
    error = gain.std(ddof=1) / math.sqrt(len(gain))
    better = "beats" if gain.mean() > 2 * error else "is worse than" if gain.mean() < -2 * error else "does not beat"
    return f"suggest {better} {best} (regret@1 lower by {gain.mean():.2f} ±{error:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("-o", metavar="KEY=VALUE", action="append", default=[], help="override a field of the files")
    parser.add_argument("--by", choices=("dev", "zero-shot"), default="zero-shot")
    parser.add_argument("--draws", type=int, default=DRAWS, help="of hidden entries")
    asked = parser.parse_args()
    if asked.files:
        table([[finished(file, asked.o, asked.by)] for file in asked.files], asked.draws)
        return
    table([[artificial(seed, structure) for seed in range(DRAWS)] for structure in (True, False)], asked.draws)


if __name__ == "__main__":
    main()
