"""English against target-language intermediates: the same tasks, trained in other languages (`mnli` and `mnli@sw`)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from sweeps.report.annotations import trainings
from sweeps.report.contrasts import Part, mean_of, minus
from sweeps.report.model_selection import dev_of
from sweeps.report.questions.answer import Cell, Estimate, Table, corrected
from sweeps.report.questions.common import ZERO_SHOT, done
from sweeps.report.study import AVERAGES, Study
from sweeps.spec.questions import by_language
from trainables.recipe.recipes import DataRecipe, TrainRecipe
from trainables.steps import split_counts
from trainables.tasks import get_task
from trainables.tasks.language_facts import LANGUAGES

OWN, MIXED, ALL = "in the language", "English and the language", "several languages"
KINDS = (OWN, MIXED, ALL)


@dataclass(frozen=True)
class Comparison:
    """Of one language: intermediates of one kind beside the English one."""

    model: str
    language: str
    english: str
    others: dict[str, str]
    """By kind: the intermediate."""
    targets: tuple[str, ...]
    """Those that have the language, and every cell."""


def comparisons(study: Study, model: str, targets: Iterable[str]) -> list[Comparison]:
    """Of each language that has an intermediate in it, beside the same tasks in English."""
    found, listed = [], list(targets)
    for tasks, arms in by_language(study.results.spec).items():
        main = get_task(tasks[0]).train_language
        english = next((name for name, of in arms.items() if of == (main,)), None)
        for language in dict.fromkeys(code for of in arms.values() for code in of if code != main):
            kinds = {kind_of(of, language, main): name for name, of in arms.items() if language in of}
            if english is None or OWN not in kinds:
                continue
            whole = [
                target
                for target in listed
                if language in study.results.languages(target, ZERO_SHOT)
                and all(done(study, model, name, [target]) for name in (english, *kinds.values()))
            ]
            if whole:
                ordered = {kind: kinds[kind] for kind in KINDS if kind in kinds}
                found.append(Comparison(model, language, english, ordered, tuple(whole)))
    return found


def kind_of(languages: tuple[str, ...], language: str, main: str) -> str:
    """How an intermediate in some languages stands to one of them."""
    return OWN if languages == (language,) else MIXED if set(languages) == {main, language} else ALL


def score(study: Study, one: Comparison, intermediate: str) -> dict[Part, float]:
    """The mean over targets, in the language."""
    return mean_of(study.judge.scores(one.model, intermediate, target, [one.language]) for target in one.targets)


def gain(study: Study, one: Comparison, kind: str) -> dict[Part, float]:
    """Of a kind of intermediate to the English one, in the language."""
    return minus(score(study, one, one.others[kind]), score(study, one, one.english))


def arms_table(study: Study, found: list[Comparison]) -> tuple[Table, dict[str, dict[str, Estimate]]]:
    """Of each language: English and other intermediates, the choice on English dev rows, the oracle.

    Returns:
        the table, and the differences by language and kind, for a figure.
    """
    kinds = [kind for kind in KINDS if any(kind in one.others for one in found)]
    keys = [(one, kind) for one in found for kind in kinds if kind in one.others]
    judged = [study.judge.difference(gain(study, one, kind)) for one, kind in keys]
    estimates = dict(
        zip(
            [(one.model, one.language, one.english, kind) for one, kind in keys],
            corrected([Estimate.of(d) if d else None for d in judged]),
            strict=True,
        )
    )
    rows: list[tuple[Cell, ...]] = []
    drawn: dict[str, dict[str, Estimate]] = {}
    for one in found:
        fact = LANGUAGES.get(one.language)
        of = {kind: estimates.get((one.model, one.language, one.english, kind)) for kind in kinds}
        shown = {kind: estimate for kind, estimate in of.items() if estimate is not None}
        label = f"{fact.name if fact else one.language}" + (f", class {fact.resource}" if fact else "")
        label += f" ({one.model})" if len(study.models) > 1 else ""
        drawn.setdefault(label, {}).update(shown)
        chosen, best = choices(study, one)
        rows.append(
            (
                one.language,
                one.model,
                fact.resource if fact else None,
                len(one.targets),
                one.english,
                _mean(study, one, [one.english] * len(one.targets)),
                *(of[kind] for kind in kinds),
                ", ".join(dict.fromkeys(chosen)) if chosen else "–",
                _mean(study, one, chosen) if chosen else None,
                ", ".join(dict.fromkeys(best)),
                _mean(study, one, best),
            )
        )
    caption = (
        "Zero-shot score in each language that has an intermediate of its own, mean over targets; differences to the "
        "same tasks in English. Chosen: of English, own, mixed and several languages, by dev rows of the targets’ "
        "training language alone. Oracle: best on the test rows of the language, which nobody knows beforehand. "
        f"* holds at 5 % after Holm over the {len(keys)} differences of this table. {work_text(study, found)}"
    )
    head = (
        *("language", "model", "class", "targets", "English", "score"),
        *(f"{kind}, to English (95 %)" for kind in kinds),
        *("chosen on dev", "chosen: score", "oracle", "oracle: score"),
    )
    return Table("question-low-resource-arms", caption, head, tuple(rows)), drawn


def choices(study: Study, one: Comparison) -> tuple[list[str], list[str]]:
    """For each target the intermediate with the best dev score in the training language (none where one has no dev
    score), and the one with the best test score in the language."""
    names = [one.english, *one.others.values()]
    chosen, best = [], []
    for target in one.targets:
        dev = {name: dev_of(study, study.averages[one.model, AVERAGES[0], name, target]) for name in names}
        known = {name: value for name, value in dev.items() if value is not None}
        if len(known) == len(names):
            chosen.append(max(known, key=lambda name: known[name]))
        scores = {name: study.results.entry(one.model, name, [target], [one.language], ZERO_SHOT) for name in names}
        best.append(max(names, key=lambda name: entry.mean if (entry := scores[name]) else 0.0))
    return (chosen if len(chosen) == len(one.targets) else []), best


def work_text(study: Study, found: list[Comparison]) -> str:
    """Train rows and updates of the intermediates that are compared: whether they are equal."""
    work: dict[str, tuple[int, str] | None] = {}
    for one in found:
        for name in (one.english, *one.others.values()):
            work[name] = work.get(name) or work_of(study, one.model, name)
    known = {key: value for key, value in work.items() if value is not None}
    if len(set(known.values())) == 1:
        rows, updates = next(iter(known.values()))
        return f"All intermediates have {rows:,} train rows and {updates}."
    listed = "; ".join(f"{name} {rows:,} rows, {updates}" for name, (rows, updates) in known.items())
    return f"Intermediates differ in more than language: {listed}." if known else ""


def work_of(study: Study, model: str, intermediate: str) -> tuple[int, str] | None:
    """Train rows, and updates or epochs, of an intermediate; None where nothing of it is done."""
    results = study.results
    cell = next((c for c in results.cells if (c.model, c.intermediate) == (model, intermediate)), None)
    step = next((s for s, phase in trainings(results, cell) if phase == "intermediate"), None) if cell else None
    recipe = results.plan.steps[step].recipe if step else None
    if not isinstance(recipe, TrainRecipe):
        return None
    rows = 0
    for data in recipe.data_steps:
        made, counts = results.plan.steps[data].recipe, split_counts(results.store, data)
        if isinstance(made, DataRecipe):
            rows += sum(counts[ref.name].examples for ref in made.rows if ref.split == "train" and ref.name in counts)
    steps, epochs = recipe.optimisation.steps, recipe.optimisation.epochs
    return rows, f"{steps:,} updates" if steps is not None else f"{epochs:g} epochs of {recipe.optimisation.batch_size}"


def _mean(study: Study, one: Comparison, names: list[str]) -> float | None:
    """The mean over targets of the intermediate named for each."""
    entries = [
        study.results.entry(one.model, name, [target], [one.language], ZERO_SHOT)
        for name, target in zip(names, one.targets, strict=True)
    ]
    known = [entry.mean for entry in entries if entry is not None]
    return statistics.fmean(known) if len(known) == len(one.targets) else None
