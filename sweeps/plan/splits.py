"""Which rows a plan reads: every set of rows is looked up once, checked, and known by its revision."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.plan.dictionaries import Dictionaries
from sweeps.spec.fields import SweepSpec
from sweeps.spec.perturbations import CODE_SWITCHING
from sweeps.spec.training import TextSpec
from trainables.perturbations.keyboards import layout_of
from trainables.recipe.perturbation import Perturbation
from trainables.recipe.tasks import Corpus, SplitRef, TaskSpec
from trainables.task_types import get_task_type
from trainables.tasks import Task, get_task
from trainables.tasks.registry import way_of
from trainables.tasks.sources import DataError, Source, labels_of, languages_with
from trainables.tasks.sources.open_source import source_for
from trainables.tasks.task import POOL_LANGUAGE, Split


class SplitResolver:
    """Finds the rows of tasks as a sweep file asks for them. Methods raise DataError where there are none."""

    def __init__(self, spec: SweepSpec, revisions: Mapping[str, str], sources: Mapping[str, Source]) -> None:
        """`revisions`: commits of data sets of the hub; `sources`: by kind of task, where they are not the sweep's."""
        self.spec, self.revisions, self.sources = spec, revisions, sources
        self.dictionaries = Dictionaries()
        self._sources: dict[tuple[str, str | None], Source] = {}
        self._tasks: dict[str, TaskSpec] = {}
        self._rows: dict[tuple[str, str, str, int | None], SplitRef] = {}

    def task(self, task: Task) -> TaskSpec:
        """What recipes hold of a task, with the labels of its data where its record has none."""
        if task.name not in self._tasks:
            self._tasks[task.name] = task.spec(labels=labels_of(task.base, self._source(task.base)))
        return self._tasks[task.name]

    def trained(
        self, task: Task, languages: tuple[str, ...], train_limit: int | None, dev_limit: int | None
    ) -> tuple[SplitRef, ...]:
        """Train rows in `languages` (or in the task's own), and dev rows in the task's own alone: what picks a
        checkpoint is never a target language."""
        task = task.base
        train = [self.one(task, "train", one, train_limit) for one in languages or (task.train_language,)]
        return (*train, self.one(task, "dev", task.train_language, dev_limit))

    def evaluated(self, task: Task, languages: tuple[str, ...]) -> tuple[SplitRef, ...]:
        """The rows that an evaluation reads. Fewer candidates would be an easier task, so retrieval has them all.

        Where a dev set is scored, because the test set has no labels here, the rows of the test set are predicted as
        well: they are what a benchmark's evaluator asks for. (A part of them, by `test_limit`, would be no use to it.)
        """
        way, perturbation = way_of(task.name), task.perturbation
        task, task_type = task.base, get_task_type(task.type)
        limit = None if task_type.ranks_its_rows else self.spec.test_limit
        rows = []
        for language in languages:
            test = self.one(task, "test", language, limit)
            if perturbation is not None:
                test = test.model_copy(update={"perturbation": self._in_language(perturbation, way, language)})
            if not self._source(task).stands_in(task, language):
                rows.append(test)
                continue
            rows.append(test.model_copy(update={"stands_in": "dev"}))
            if (
                limit is None
                and perturbation is None
                and self._source(task).check(task, "submission", language) is None
            ):
                rows.append(self.one(task, "submission", language, None))
        for split in task_type.context:
            rows += [self.one(task, split, one, None) for one in ((POOL_LANGUAGE,) if split == "pool" else languages)]
        return tuple(rows)

    def shots(self, task: Task, languages: tuple[str, ...], trained_on: tuple[str, ...]) -> Corpus | None:
        """The rows of which some stand before each row of a task that is read by likelihood; None: none do.

        English ones are the task's own where it has such, else those of what it, or a target of it, is trained on.

        Args:
            languages: in which rows are evaluated; none: rows are trained on.
        """
        if task.likelihood is None or task.likelihood.shots is None:
            return None
        own, english = task.base, task.base.train_language
        if task.shots_in == "own" and languages:
            if lacking := [one for one in languages if one not in languages_with(own, own.shot_split)]:
                raise DataError(
                    f"{task.name}: shots_in: own, and {own.name} has no {own.shot_split} rows in "
                    f"{', '.join(lacking[:5])}; leave these languages out, or give shots_in: english"
                )
            return Corpus(task=own.spec(), rows=tuple(self.one(own, own.shot_split, one, None) for one in languages))
        for name in (own.name, *reversed(trained_on), *reversed(own.trains_on)):
            source = get_task(name).base
            if english in languages_with(source, source.shot_split):
                return Corpus(task=source.spec(), rows=(self.one(source, source.shot_split, english, None),))
        raise DataError(
            f"{task.name}: shots, and neither it nor what it is trained on has dev rows in {english}; "
            "give shots: 0, or train_on"
        )

    def text(
        self, task: Task, languages: tuple[str, ...] | None, split: Split, limit: int | None
    ) -> tuple[SplitRef, ...]:
        """Rows of a text task in those of `languages` that it has."""
        return tuple(
            self.one(task, split, one, limit) for one in task.languages if languages is None or one in languages
        )

    def excluded(self, text: TextSpec) -> tuple[Corpus, ...]:
        """The evaluation data that a text is cleared of."""
        languages = {one for name in text.corpora for one in get_task(name).languages}
        if text.languages is not None:
            languages &= set(text.languages)
        return tuple(
            Corpus(task=task.spec(), rows=self.text(task, tuple(languages), "test", None))
            for task in (get_task(name).base for name in text.exclude)
            if languages & set(task.languages)
        )

    def one(self, task: Task, split: Split, language: str, limit: int | None) -> SplitRef:
        """One split in one language."""
        key = (task.name, split, language, limit)
        if key not in self._rows:
            source = self._source(task)
            if problem := source.check(task, split, language):
                raise DataError(problem)
            revision = source.revision(task, split, language)
            self._rows[key] = SplitRef(
                split=split,
                language=language,
                revision=revision,
                limit=limit,
                reading=task.reading.get(f"{split}-{language}"),
            )
        return self._rows[key]

    def _in_language(self, perturbation: Perturbation, way: str, language: str) -> Perturbation:
        """What becomes of rows in a language."""
        spec = self.spec.perturbations[way]
        if spec.kind == "keyboard":
            return perturbation.model_copy(update={"keyboard": layout_of(language)})
        if spec.kind != CODE_SWITCHING:
            return perturbation
        dictionaries = self.dictionaries.of(spec, f"perturbations.{way}", language)
        return perturbation.model_copy(update={"dictionaries": dictionaries or None})

    def _source(self, task: Task) -> Source:
        if task.source in self.sources:
            return self.sources[task.source]
        generated, data = self.spec.generated, self.spec.data_of(task.name)
        key = (task.source, data)
        if key not in self._sources:
            self._sources[key] = source_for(task.source, data, generated.seed, generated.size, self.revisions)
        return self._sources[key]
