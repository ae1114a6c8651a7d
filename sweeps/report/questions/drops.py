"""What a perturbed or adversarial set takes: clean score minus its score, of one model, intermediate and seed.

Absolute in points; relative in percent of the clean score (Jia & Liang 2017 give F1 before and after). Where rows of
the set have the ids of the clean rows both are resampled together, else each by itself (`sweeps.report.contrasts`).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sweeps.report.contrasts import Part, minus
from sweeps.report.questions.answer import Cell, Estimate, Table
from sweeps.report.questions.common import done
from sweeps.report.study import Study


def languages(study: Study, target: str, clean: str) -> list[str]:
    """Those that both sets are scored in, the training language included: some sets have no other."""
    theirs = study.results.languages(clean, "xtreme")
    return [one for one in study.results.languages(target, "xtreme") if one in theirs]


def drop(study: Study, model: str, name: str, target: str, clean: str, over: Iterable[str]) -> dict[Part, float]:
    """Clean minus perturbed, mean over some languages."""
    listed = list(over)
    return minus(study.judge.scores(model, name, clean, listed), study.judge.scores(model, name, target, listed))


def whole(study: Study, model: str, target: str, clean: str) -> list[str]:
    """The intermediates that have every cell of both sets."""
    if not languages(study, target, clean):
        return []
    return [name for name in study.intermediates if len(done(study, model, name, (target, clean))) == 2]


def drop_table(study: Study, pairs: dict[str, str]) -> Table:
    """Of each set, intermediate and language, and over all languages, the drop."""
    rows: list[tuple[Cell, ...]] = []
    judge = study.judge
    for target, clean in pairs.items():
        over = languages(study, target, clean)
        for model in study.models:
            for name in whole(study, model, target, clean):
                for of in ([over] if len(over) > 1 else []) + [[one] for one in over]:
                    weights = drop(study, model, name, target, clean, of)
                    found = judge.difference(weights)
                    share = judge.ratio(weights, judge.scores(model, name, clean, of))
                    entry = study.results.entry(model, name, [clean], of, "xtreme")
                    rows.append(
                        (
                            target,
                            "apart" if target in judge.unpaired else "by id",
                            model,
                            name,
                            of[0] if len(of) == 1 else f"all {len(of)}",
                            entry.mean if entry else None,
                            Estimate.of(found) if found else None,
                            Estimate.of(share) if share else None,
                        )
                    )
    caption = (
        "Clean minus perturbed or adversarial score of the same model, intermediate and seed, in points, and in "
        "percent of the clean score; 95 % intervals by bootstrap over the rows, paired by their ids where both sets "
        "have the same, else of each set apart, and over seeds. Intervals of single languages are not corrected for "
        "how many there are."
    )
    head = (
        "set",
        "rows paired",
        "model",
        "intermediate",
        "languages",
        "clean score",
        "drop (95 %)",
        "relative, % (95 %)",
    )
    return Table("question-robustness-drops", caption, head, tuple(rows))


def changed_table(study: Study, pairs: dict[str, str]) -> Table | None:
    """Of each perturbed set and language, how much of its rows is changed: a small drop may come of that alone. None
    where no set says so, as adversarial ones do not."""
    rows: list[tuple[Cell, ...]] = []
    for target, counts in study.results.perturbed().items():
        for language, one in counts.items() if target in pairs else ():
            of_words = 100 * one.words_changed / one.words if one.words else None
            rows.append((target, language, one.rows, 100 * one.rows_changed / max(1, one.rows), of_words))
    caption = (
        "Test rows that differ from the clean ones, and words of them that do, in percent of all words in the texts "
        "that may be changed, answers among them. Words of scripts without blanks are all between two signs; those of "
        "code-switching are the entries of dictionaries and the characters between them. Compare drops of sets and "
        "languages with like shares."
    )
    head = ("set", "language", "rows", "rows changed, %", "words changed, %")
    return Table("question-robustness-changed", caption, head, tuple(rows)) if rows else None


def drops_by_seed(study: Study, model: str, pairs: dict[str, str], names: list[str]) -> NDArray[np.floating]:
    """(seeds, intermediates, sets): the drop over all languages."""
    results = study.results
    found = np.empty((len(results.spec.seeds), len(names), len(pairs)))
    for s, seed in enumerate(results.spec.seeds):
        for i, name in enumerate(names):
            for t, (target, clean) in enumerate(pairs.items()):
                over = languages(study, target, clean)
                values = [results.score(model, name, one, seed, over, "xtreme") for one in (clean, target)]
                found[s, i, t] = float("nan") if None in values else values[0] - values[1]  # type: ignore[operator]
    return found
