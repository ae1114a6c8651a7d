"""Scores of the parts of a target's test set: groups of subjects, culturally sensitive questions.

A metric whose name has a slash is one of a part, whatever the task: `accuracy/stem`. Those of single subjects
(`accuracy/subject/anatomy`) are in the files of numbers, and in no table: there are 57 of MMLU.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from sweeps.results.results import Number
from trainables.tasks import get_task

SLASH = "/"


def is_part(metric: str) -> bool:
    """Whether a metric is the score of a part that tables show."""
    return metric.count(SLASH) == 1


def part_means(
    numbers: Iterable[Number], languages: dict[str, list[str]]
) -> dict[tuple[str, str, str], dict[str, float]]:
    """(model, target, intermediate) -> what stands behind the slash -> the mean over languages, main metrics and seeds.

    Args:
        numbers: every number of a sweep.
        languages: those that a target's average is over.
    """
    found: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for one in numbers:
        metric, _, part = one.metric.partition(SLASH)
        main = get_task(one.target).main_metrics
        if is_part(one.metric) and metric in main and one.language in languages[one.target]:
            parts = found.setdefault((one.model, one.target, one.intermediate), {})
            parts.setdefault(part, []).append(one.value)
    return {key: {part: statistics.fmean(values) for part, values in parts.items()} for key, parts in found.items()}
