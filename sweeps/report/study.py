"""The numbers of a report: every cell's mean, spread, difference to no intermediate, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sweeps.plan.graph import Cell
from sweeps.report.annotations import Annotation, annotations_of
from sweeps.report.contrasts import Judge, mean_of, minus
from sweeps.report.statistics import LEVEL, Difference, holm
from sweeps.results.results import Average, Entry, Results
from sweeps.spec.intermediate import NONE
from trainables.tasks import get_task

AVERAGES: tuple[Average, ...] = ("zero-shot", "xtreme")


@dataclass(frozen=True)
class Score:
    """One entry of a table."""

    model: str
    intermediate: str
    column: str
    """A target, or an average over targets."""
    over: str
    """What the mean is over: `zero-shot`, `xtreme`, or one language."""
    entry: Entry | None
    """None while a part of it is not there."""
    difference: Difference | None = None
    """To no intermediate; None for that itself, where a part is missing, and where none can be given."""
    adjusted: float | None = None
    """The p-value by Holm over the table; of languages there is none."""
    gap: float | None = None
    """Of a language: by how much the training language scores higher, in points."""
    rows: int = 0
    """Test examples behind it, each counted once."""
    cells: tuple[Cell, ...] = ()
    """The runs behind it, those that are done."""
    annotations: tuple[Annotation, ...] = ()

    @property
    def signs(self) -> str:
        """Of its annotations, each once."""
        return "".join(dict.fromkeys(annotation.sign for annotation in self.annotations))

    @property
    def sure(self) -> bool:
        """Whether the difference holds at the level after Holm's correction."""
        return self.adjusted is not None and self.adjusted < LEVEL


@dataclass
class Study:
    """All scores of a sweep, by what they are of."""

    results: Results
    averages: dict[tuple[str, Average, str, str], Score] = field(default_factory=dict)
    """By model, average, intermediate, column."""
    languages: dict[tuple[str, str, str, str], Score] = field(default_factory=dict)
    """By model, intermediate, target, language."""

    @classmethod
    def of(cls, results: Results) -> Study:
        """Read and compute all that is done."""
        study = cls(results)
        for model in results.spec.models:
            _Model(study, model).compute()
        return study

    @cached_property
    def judge(self) -> Judge:
        """Takes sums of its scores."""
        return Judge(self.results)

    @property
    def remarks(self) -> list[str]:
        """Why a target has no intervals."""
        return list(dict.fromkeys(self.judge.remarks))

    @property
    def models(self) -> list[str]:
        return list(self.results.spec.models)

    @property
    def intermediates(self) -> tuple[str, ...]:
        return self.results.spec.intermediate_names

    @cached_property
    def columns(self) -> dict[Average, dict[str, list[str]]]:
        """Of the table of each average: heading -> targets."""
        return {average: self.results.columns(average) for average in AVERAGES}

    @property
    def targets(self) -> list[str]:
        return [name for name, targets in self.columns["xtreme"].items() if targets == [name]]

    def scores(self) -> list[Score]:
        """Every score, in the order of the grid."""
        return [*self.averages.values(), *self.languages.values()]

    def tested(self, model: str) -> list[Score]:
        """The differences of the main table, over which Holm's correction is."""
        return [
            score
            for (of, average, _, _), score in self.averages.items()
            if of == model and average == AVERAGES[0] and score.adjusted is not None
        ]


class _Model:
    """Judges the cells of one model."""

    def __init__(self, study: Study, model: str) -> None:
        self.study, self.model, self.results = study, model, study.results
        of_model = [cell for cell in (*self.results.plan.cells, *self.results.cells) if cell.model == model]
        self.every = {(cell.intermediate, cell.target, cell.seed): cell for cell in of_model}
        done = [cell for cell in self.results.cells if cell.model == model]
        self.cells = {(cell.intermediate, cell.target, cell.seed): cell for cell in done}

    def compute(self) -> None:
        study = self.study
        for target in study.targets:
            study.judge.read(self.model, target)
            for intermediate in study.intermediates:
                for language in self.results.languages(target, "xtreme"):
                    score = self._score(intermediate, target, [target], language)
                    study.languages[self.model, intermediate, target, language] = score
        for average in AVERAGES:
            scores = {
                (intermediate, column): self._score(intermediate, column, targets, average)
                for intermediate in study.intermediates
                for column, targets in study.columns[average].items()
            }
            tested = [key for key, score in scores.items() if score.difference is not None]
            adjusted = holm([score.difference.p for score in scores.values() if score.difference is not None])
            for key, value in zip(tested, adjusted, strict=True):
                scores[key] = replace(scores[key], adjusted=value)
            for (intermediate, column), score in scores.items():
                study.averages[self.model, average, intermediate, column] = score

    # --- one score -------------------------------------------------------------------------------------------

    def _score(self, intermediate: str, column: str, targets: Sequence[str], over: str) -> Score:
        """Of some targets, each over the languages of an average, or over one language."""
        study = self.study
        average: Average = "zero-shot" if over == "zero-shot" else "xtreme"
        single = None if over in AVERAGES else [over]
        entry = self.results.entry(self.model, intermediate, targets, single, average)
        seeds = self.results.spec.seeds
        keys = [(intermediate, target, seed) for target in targets for seed in seeds]
        cells = [self.cells[key] for key in keys if key in self.cells]
        languages = [(t, x) for t in targets for x in single or self.results.languages(t, average)]
        found = None
        if intermediate != NONE and entry is not None:
            found = self._difference(intermediate, targets, single, average)
        return Score(
            self.model,
            intermediate,
            column,
            over,
            entry,
            found,
            gap=self._gap(intermediate, column, over) if single else None,
            rows=sum(study.judge.rows.get((self.model, *key), 0) for key in languages),
            cells=tuple({cell.evaluation: cell for cell in cells}.values()),
            annotations=tuple(
                dict.fromkeys(
                    annotation for key in keys for annotation in annotations_of(self.results, self.every[key])
                )
            ),
        )

    def _gap(self, intermediate: str, target: str, language: str) -> float | None:
        trained = get_task(target).train_language
        ours, theirs = (
            self.results.entry(self.model, intermediate, [target], [name], "xtreme") for name in (trained, language)
        )
        return ours.mean - theirs.mean if ours and theirs and language != trained else None

    def _difference(
        self, intermediate: str, targets: Sequence[str], languages: Iterable[str] | None, average: Average
    ) -> Difference | None:
        """To no intermediate, over the pairs of runs that differ in a step."""
        judge, sides = self.study.judge, []
        over = list(languages) if languages else None
        for name in (intermediate, NONE):
            named = [(target, over or self.results.languages(target, average)) for target in targets]
            sides.append(mean_of(judge.scores(self.model, name, target, those) for target, those in named))
        return judge.difference(minus(*sides))
