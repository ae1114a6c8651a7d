"""Rows of the generated benchmark."""

from __future__ import annotations

from trainables.generated import VERSION, GeneratedBenchmark, languages_of
from trainables.tasks.sources import DataError, Row
from trainables.tasks.sources.settled import SettledSource
from trainables.tasks.task import Split, Task


class GeneratedSource(SettledSource):
    """Rows of the generated benchmark; ``seed`` and ``size`` are those of ``GeneratedBenchmark``."""

    def __init__(self, seed: int = 1, size: float = 1.0) -> None:
        self._benchmark = GeneratedBenchmark(seed=seed, size=size)

    def check(self, task: Task, split: Split, language: str) -> str | None:
        if task.source != "generated":
            return f'{task.name}: this task is not a generated one; give a folder or "hub" as data'
        try:
            languages = languages_of(task.name, split)
        except ValueError as problem:
            return str(problem)
        if language not in languages:
            return f'{task.name}: there is no {split} in "{language}"; there is in: {", ".join(languages)}'
        return None

    def stands_in(self, task: Task, language: str) -> bool:
        return False

    def describe(self, task: Task, split: Split, language: str) -> str:
        return f"generated, artificial language {language}"

    def revision(self, task: Task, split: Split, language: str) -> str:
        return f"generated-v{VERSION}-seed{self._benchmark.seed}-size{self._benchmark.size}"

    def count(self, task: str, split: Split, language: str) -> int:
        """About how many rows there are."""
        return self._benchmark.count(task, split, language)

    def read(self, task: Task, split: Split, language: str) -> list[Row]:
        if problem := self.check(task, split, language):
            raise DataError(problem)
        return list(self._benchmark.rows(task.name, split, language))

    def size(self, task: Task, split: Split, language: str) -> int | None:
        return None
