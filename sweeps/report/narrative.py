"""What may be said of a sweep's numbers and what not, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from scipy.special import stdtrit

from sweeps.report.annotations import Annotation
from sweeps.report.figures import signed
from sweeps.report.statistics import LEVEL
from sweeps.report.study import AVERAGES, Score, Study
from sweeps.spec.fields import SweepSpec
from sweeps.spec.intermediate import NONE

AVERAGE = "average"


def summary(study: Study, model: str) -> list[str]:
    """What was run, what stands out, what it rests on: the sentences on top of the page."""
    return [
        *_extent(study, model),
        *_headline(study, model),
        *_claims(study, model),
        *_seeds(study, model),
        "Checkpoints, and the intermediate called best on dev, are chosen on dev rows of the training language alone; "
        "no test score and no other language has a say.",
        *_marked(study, model),
    ]


def cautions(study: Study, model: str) -> list[str]:
    """What may not be concluded."""
    spec = study.results.spec
    lines = [
        "A difference that is not marked is not shown to be absent: its interval says what it may be.",
        "Intervals of single languages are not corrected for how many there are; they describe, and prove nothing.",
        "Averages over targets mix measures (accuracy, F1, exact match): they rank intermediates, and are no "
        "percentage of anything.",
    ]
    if "avg. without retrieval" in study.columns[AVERAGES[0]]:
        lines.append(
            "The choice of retrieval baseline (layer, pooling) moves the average by more than most intermediates do, "
            "so it stands with and without retrieval."
        )
    if spec.test_limit is not None:
        lines.append(
            f"Scores are over {spec.test_limit} rows of each language (retrieval: all) and are not comparable with "
            "scores over whole test sets."
        )
    return lines


def seeds_sentence(spec: SweepSpec, differences: int) -> str:
    """What the number of seeds can and cannot show, over so many differences."""
    seeds = len(spec.seeds)
    if seeds == 1:
        return (
            "One seed: intervals and p-values are over test examples alone. They say whether these checkpoints would "
            "differ on other examples of the same kind. What another seed would give is not known, so no difference "
            "can be put down to the intermediate task."
        )
    alone = float(stdtrit(seeds - 1, 1 - LEVEL / 2))
    text = (
        f"{_number(seeds)} seeds: where seeds decide, a 95 % interval is {alone:.1f} standard errors to either side "
        f"(with many seeds it is 2.0)"
    )
    if differences > 1:
        table = float(stdtrit(seeds - 1, 1 - LEVEL / 2 / differences))
        text += (
            f", and to hold after correction over {differences} differences the first of them must reach {table:.0f}"
        )
    text += ". "
    if seeds <= 3:
        text += "So few seeds can show large and steady differences only; that a difference is not marked means little."
    else:
        text += "Differences of the size of the spread over seeds are not shown to be real."
    if spec.intermediate_seeds == "shared":
        text += (
            " All seeds start from one checkpoint of each intermediate: the spread is that of the target phase alone, "
            "and how an intermediate turned out by luck is in no interval."
        )
    return text


def _extent(study: Study, model: str) -> Iterator[str]:
    results = study.results
    cells = [cell for cell in results.plan.cells if cell.model == model]
    done = sum(cell.model == model for cell in results.cells)
    intermediates = [name for name in study.intermediates if name != NONE]
    seeds = results.spec.seeds
    yield (
        f"{_count(len(intermediates), 'intermediate')} and none, {_count(len(results.spec.targets), 'target')}, "
        f"{_count(len(seeds), 'seed')}, starting from {model}: "
        f"{done} of {len(cells)} cells are done."
    )
    without = [one.task for one in results.spec.targets if one.task not in study.targets]
    if without:
        yield f"No scores of {', '.join(without)}: nothing is done, or the data has no labels."


def _headline(study: Study, model: str) -> Iterator[str]:
    columns = study.columns[AVERAGES[0]]
    column = AVERAGE if AVERAGE in columns else next(iter(columns), None)
    if column is None:
        return
    scores = [study.averages[model, AVERAGES[0], name, column] for name in study.intermediates]
    base = next((score.entry for score in scores if score.intermediate == NONE), None)
    judged = [score for score in scores if score.difference is not None]
    if base is None or not judged:
        return
    best = max(judged, key=lambda score: score.difference.value if score.difference else 0.0)
    assert best.difference is not None
    assert best.entry is not None
    low, high = best.difference.interval
    what = "average over targets" if column == AVERAGE else column
    yield (
        f"Zero-shot {what}: {base} without intermediate; the highest with one is {best.entry}, with "
        f"{best.intermediate}, a difference of {signed(best.difference.value)} points (95 % interval {signed(low)} to "
        f"{signed(high)}, p {p_text(best.difference.p)}, corrected {p_text(best.adjusted)}). The highest of several is "
        "flattered by being chosen."
    )


def _claims(study: Study, model: str) -> Iterator[str]:
    tested = study.tested(model)
    if not tested:
        return
    sure = [score for score in tested if score.sure]
    up = sum(score.difference is not None and score.difference.value > 0 for score in sure)
    named = "; ".join(f"{s.intermediate} on {s.column} {signed(s.difference.value)}" for s in sure[:6] if s.difference)
    yield (
        f"Of {len(tested)} differences in the main table {len(sure) or 'none'} "
        f"{'holds' if len(sure) == 1 else 'hold'} at 5 % after Holm's correction over all of them"
        + (f" ({up} up, {len(sure) - up} down: {named}{'; …' if len(sure) > 6 else ''})." if sure else ".")
    )


def _seeds(study: Study, model: str) -> Iterator[str]:
    yield seeds_sentence(study.results.spec, len(study.tested(model)))


def _marked(study: Study, model: str) -> Iterator[str]:
    scores = [
        score
        for (of, over, _, column), score in study.averages.items()
        if of == model and over == AVERAGES[0] and column in study.targets
    ]
    stopped = study.results.stopped
    if stopped:
        yield (
            f"This is a selection, not a study: {_count(len(stopped), 'training')} stopped because others were better "
            "on dev rows. What they would have scored is not known, and the cells that are left were chosen (‡: "
            "stopped)."
        )
    if study.results.rounds:
        yield f"This is a selection, not a study: {study.results.rounds}."
    lost = [score for score in scores if any(annotation.kind == "collapsed" for annotation in score.annotations)]
    if not lost:
        yield "No training is marked as collapsed."
        return
    yield "Marked † as collapsed, and counted in every mean: " + "; ".join(map(marked_text, lost)) + "."


def marked_text(score: Score) -> str:
    """Which runs of a cell are marked."""

    def one(annotation: Annotation) -> str:
        return f"seed {annotation.seed}, {annotation.phase} phase: {annotation.how}"

    return f"{score.intermediate} on {score.column} ({', '.join(map(one, score.annotations))})"


def p_text(p: float | None) -> str:
    """A p-value with as many digits as it bears."""
    if p is None:
        return "–"
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _number(value: int) -> str:
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
    return words[value] if value < len(words) else str(value)
