"""The tasks of the generated benchmark."""

from __future__ import annotations

from trainables.generated import LABELS, TAGS, languages_of
from trainables.tasks.records.shapes import (
    CHOICE,
    DENSE,
    GENERATED,
    MASKED_LM,
    MINING,
    PAIRS,
    RETRIEVAL,
    SPAN_QA,
    TAGGING,
)
from trainables.tasks.task import Task

GENERATED_TASKS = (
    Task(
        name="gen-text",
        **GENERATED,
        **MASKED_LM,
        languages=languages_of("gen-text", "train"),
        has_train=True,
    ),
    Task(
        name="gen-nli",
        **GENERATED,
        **PAIRS,
        languages=languages_of("gen-nli", "test"),
        labels=LABELS,
        trains_on=("gen-nli",),
        has_train=True,
    ),
    Task(
        name="gen-tags",
        **GENERATED,
        **TAGGING,
        languages=languages_of("gen-tags", "test"),
        labels=TAGS,
        trains_on=("gen-tags",),
        has_train=True,
    ),
    Task(
        name="gen-qa",
        **GENERATED,
        **SPAN_QA,
        languages=languages_of("gen-qa", "test"),
        trains_on=("gen-qa",),
        has_train=True,
    ),
    Task(
        name="gen-choice",
        **GENERATED,
        **CHOICE,
        languages=languages_of("gen-choice", "test"),
        trains_on=("gen-choice",),
        has_train=True,
    ),
    Task(
        name="gen-ask",
        **GENERATED,
        **DENSE,
        languages=languages_of("gen-ask", "test"),
        trains_on=("gen-ask",),
        has_train=True,
    ),
    Task(
        name="gen-mine",
        **GENERATED,
        **MINING,
        languages=languages_of("gen-mine", "test"),
        has_train=False,
    ),
    Task(
        name="gen-pairs",
        **GENERATED,
        **RETRIEVAL,
        languages=languages_of("gen-pairs", "test"),
        has_train=False,
    ),
)
