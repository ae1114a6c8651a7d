"""Does zero-shot transfer grow with the size of the starting model, and what do intermediates change in that?"""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.report.contrasts import Part, minus
from sweeps.report.figures import file_name
from sweeps.report.questions.answer import Answer, Drawing, Estimate, Table, corrected
from sweeps.report.questions.common import average, counted, done, facts, listed, usual_cautions
from sweeps.report.questions.lines import band, over_tasks, slope
from sweeps.report.questions.plots import Band, Curves, Panel, size_text
from sweeps.report.study import Study
from sweeps.spec.intermediate import NONE
from sweeps.spec.questions import families
from trainables.tasks.language_facts import pretraining_of


@dataclass(frozen=True)
class Line:
    """The models of a family after one intermediate, on some targets."""

    family: str
    intermediate: str
    targets: tuple[str, ...]
    sizes: dict[str, int]
    """Parameters by model, smallest first; those with every cell."""
    points: tuple[tuple[float, Estimate], ...]
    slope: Estimate | None
    """Points for each doubling of parameters; over these tasks."""
    band: Band | None
    off: float
    """The largest distance of a score from the line, in points."""

    def scores(self, study: Study) -> list[dict[Part, float]]:
        """Of each model the mean over targets."""
        return [average(study, model, self.intermediate, self.targets) for model in self.sizes]


def answer(study: Study) -> Answer:
    """Curves of each family and intermediate; the slope, and how intermediates change it."""
    targets = counted(study)
    known = families(study.results.spec)
    lines = [
        line
        for family, sizes in known.items()
        for name in study.intermediates
        if (line := line_of(study, family, sizes, name, targets)) is not None
    ]
    table, changes = _table(study, lines)
    return Answer(
        "scale",
        "Does zero-shot transfer grow with the size of the starting model?",
        _claim(lines, changes),
        facts(
            study,
            targets,
            "within a family: intermediates, target trainings and their settings, test rows, seeds; not held fixed: "
            "what else differs between sizes (tokens of pretraining, learning rate that would suit each)",
        ),
        _figures(study, known, lines, targets),
        (table,),
        _cautions(study, known, len(lines)),
    )


def line_of(study: Study, family: str, sizes: dict[str, int], intermediate: str, targets: list[str]) -> Line | None:
    """The line of one intermediate, of a single size its point alone; None where no size has every cell."""
    whole = {model: n for model, n in sizes.items() if targets and done(study, model, intermediate, targets) == targets}
    if not whole:
        return None
    scores = [average(study, model, intermediate, targets) for model in whole]
    parameters = list(whole.values())
    judged = [study.judge.difference(one) for one in scores]
    several = len(set(parameters)) > 1
    steep = study.judge.difference(slope(scores, parameters)) if several else None
    fitted = band(study.judge, scores, parameters) if several else None
    points = tuple((float(n), Estimate.of(d, plus=False)) for n, d in zip(parameters, judged, strict=True) if d)
    return Line(
        family,
        intermediate,
        tuple(targets),
        whole,
        points,
        Estimate.of(steep) if steep else None,
        fitted[0] if fitted else None,
        fitted[1] if fitted else 0.0,
    )


def _table(study: Study, lines: list[Line]) -> tuple[Table, dict[tuple[str, str], Estimate]]:
    slopes = iter(corrected([line.slope for line in lines]))
    base = {line.family: line for line in lines if line.intermediate == NONE}
    changes = dict(
        zip(
            [(line.family, line.intermediate) for line in lines],
            corrected([_change(study, line, base.get(line.family)) for line in lines]),
            strict=True,
        )
    )
    rows = []
    for line in lines:
        single = [
            one.value
            for target in line.targets
            if (of := line_of(study, line.family, line.sizes, line.intermediate, [target])) and (one := of.slope)
        ]
        several, steep = len(line.sizes) > 1, next(slopes)
        rows.append(
            (
                line.family,
                line.intermediate,
                " ".join(map(size_text, line.sizes.values())),
                steep if several else "–",
                over_tasks(single) if several else "–",
                changes[line.family, line.intermediate] or (None if several and line.intermediate != NONE else "–"),
                round(line.off, 1) if len(line.sizes) > 2 else "–",
                *(line.points[place][1] for place in (0, -1)),
            )
        )
    caption = (
        "Zero-shot average over targets against log2 of the parameters, by least squares. Slope: points for each "
        "doubling, with the interval over test examples and seeds of these tasks; over tasks: the same with tasks as a "
        "draw of many (Student’s t). Change: slope minus that without intermediate. Off: largest distance of a size "
        "from the line, in points. * holds at 5 % after Holm over its column."
    )
    head = ("family", "intermediate", "sizes", "slope (95 %)", "over tasks (95 %)", "change to none (95 %)", "off")
    return Table("question-scale", caption, (*head, "smallest", "largest"), tuple(rows)), {
        key: one for key, one in changes.items() if one is not None
    }


def _change(study: Study, line: Line, base: Line | None) -> Estimate | None:
    """The slope minus that without intermediate, over the sizes that have both."""
    if base is None or base.intermediate == line.intermediate or base.sizes != line.sizes or line.slope is None:
        return None
    parameters = list(line.sizes.values())
    found = study.judge.difference(minus(slope(line.scores(study), parameters), slope(base.scores(study), parameters)))
    return Estimate.of(found) if found else None


def _figures(
    study: Study, known: dict[str, dict[str, int]], lines: list[Line], targets: list[str]
) -> tuple[Drawing, ...]:
    """The average by family; then each target's metric by family."""

    def panel(title: str, of: list[Line]) -> Panel:
        return Panel(
            title,
            {line.intermediate: line.points for line in of if line.points},
            {line.intermediate: line.band for line in of if line.band},
        )

    if not lines:
        return ()
    figures: list[Drawing] = [
        Curves(
            "question-scale",
            "Zero-shot average against parameters",
            "Mean over targets; points with 95 % intervals, and the line fitted to them with its interval. "
            "A line is no law: nothing is said beyond the sizes that were tried.",
            tuple(panel(family, [line for line in lines if line.family == family]) for family in known),
            shared=True,
        )
    ]
    for family, sizes in known.items() if len(targets) > 1 else ():
        single = {
            target: [
                line
                for name in study.intermediates
                if (line := line_of(study, family, sizes, name, [target])) is not None
            ]
            for target in targets
        }
        figures.append(
            Curves(
                file_name("question-scale-targets", family),
                f"Each target against parameters: {family}",
                "Zero-shot score of each target by its own metric; points with 95 % intervals, and fitted lines.",
                tuple(panel(target, of) for target, of in single.items() if of),
            )
        )
    return tuple(figures)


def _claim(lines: list[Line], changes: dict[tuple[str, str], Estimate]) -> tuple[str, ...]:
    if not lines:
        return ("Not known yet: no model has all its cells.",)
    sentences = []
    for family in dict.fromkeys(line.family for line in lines):
        of = [line for line in lines if line.family == family and line.slope]
        first = next((line for line in of if line.intermediate == NONE), of[0] if of else None)
        if first is None or first.slope is None:
            continue
        sizes = [size_text(n) for n in first.sizes.values()]
        what = (
            "grows" if first.slope.low > 0 else "falls" if first.slope.high < 0 else "is not shown to grow or to fall"
        )
        after = "without intermediate" if first.intermediate == NONE else f"after {first.intermediate}"
        sentences.append(
            f"{family}, {len(sizes)} sizes from {sizes[0]} to {sizes[-1]}: {after} the zero-shot average {what}, "
            f"{first.slope.number} points for each doubling (95 % interval {first.slope.interval})."
        )
        sure = [
            f"{name} {one.number.rstrip('*')} ({one.interval})"
            for (f, name), one in changes.items()
            if f == family and one.sure
        ]
        tried = sum(f == family for f, _ in changes)
        if tried:
            sentences.append(
                f"{family}: the slope is changed by {listed(sure)} points for each doubling."
                if sure
                else f"{family}: none of {tried} intermediates is shown to change the slope."
            )
    if sentences:
        return tuple(sentences)
    shown = [
        f"{line.family} {size_text(n)} {one}" for line in lines if line.intermediate == NONE for n, one in line.points
    ]
    return (f"No family has two sizes here, so there are points and no curve: {listed(shown)}, without intermediate.",)


def _cautions(study: Study, known: dict[str, dict[str, int]], lines: int) -> tuple[str, ...]:
    found = []
    fewest = min((len(sizes) for sizes in known.values() if len(sizes) > 1), default=0)
    if not fewest:
        found.append(
            "Models of different families differ in data, tokenizer and design: none of it is laid to size here."
        )
    elif fewest <= 3:
        found.append(
            f"{fewest} sizes give a line {max(0, fewest - 2)} degree{'s' if fewest != 3 else ''} of freedom to be "
            "wrong by: they can show that the largest is better than the smallest, and neither the shape of a curve, "
            "nor where it ends, nor a size that was not tried."
        )
    models = study.results.spec.models
    if any(pretraining_of(models[name].start) == "llama-1" for sizes in known.values() for name in sizes):
        found.append(
            "LLaMA was pretrained on text of which by far the most is English, with 20 Latin- and Cyrillic-script "
            "Wikipedias beside it (Touvron et al. 2023): its sizes also differ in how much they have seen of each "
            "language, so its curve confounds size with English pretraining. Languages that it has hardly seen say "
            "nothing of scale in multilingual models; compare the family beside it."
        )
    found.append(
        "Sizes of one family differ in more than parameters: in tokens of pretraining (LLaMA: 1.0 T for 7B and 13B, "
        "1.4 T for 30B; other families likewise), and one set of fine-tuning settings does not suit all alike."
    )
    if len(known) > 1 and fewest:
        found.append("Families differ in data, tokenizer and design: no curve may be read across them.")
    return (*found, *usual_cautions(study, max(1, lines)))
