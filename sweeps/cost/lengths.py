"""How many rows a split has and how long they are, where nothing is prepared yet: for estimates of cost alone."""

from __future__ import annotations

from collections.abc import Mapping

from trainables.recipe.tasks import TaskSpec
from trainables.task_types import Length, get_task_type
from trainables.tasks import get_task
from trainables.tasks.sources.generated import GeneratedSource
from trainables.tasks.sources.open_source import source_at
from trainables.tasks.task import Split

UNKNOWN_ROWS: Mapping[Split, int] = {"train": 50_000, "dev": 2_000, "test": 2_000, "submission": 2_000, "pool": 50_000}
"""Assumed where no source says how many."""


def expected_length(spec: TaskSpec, split: Split, max_length: int) -> Length:
    """Of the rows of a split, as a step reads them that cuts sequences at `max_length` subwords."""
    task = get_task(spec.name)
    # A task that is read as another type, as text is by an objective of translations, gives rows of that type's length.
    length = task.usual_length(split) if spec.type == task.type else get_task_type(spec.type).usual_length
    if length.subwords <= max_length:
        return length
    return Length(float(max_length), length.sequences, length.features)


def expected_rows(spec: TaskSpec, split: Split, language: str, revision: str) -> int | None:
    """Rows of a split in a language; where only its other languages are known, their mean; None if unknown.

    `revision` is that of the recipe's rows; of generated ones it says how many there are.
    """
    if spec.source == "generated":
        source = source_at("generated", None, revision)
        assert isinstance(source, GeneratedSource)
        return source.count(spec.name, split, language)
    counts = get_task(spec.name).row_counts(split)
    if language in counts:
        return counts[language]
    return round(sum(counts.values()) / len(counts)) if counts else None
