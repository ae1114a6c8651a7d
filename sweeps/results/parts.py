"""Scores of the parts of a target's test set: groups of subjects, culturally sensitive questions.

A metric whose name has a slash is one of a part, whatever the task: `accuracy/stem`. Those of single subjects
(`accuracy/subject/anatomy`) are in the files of numbers, and in no table: there are 57 of MMLU.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from sweeps.results.results import Number

SLASH = "/"


def is_part(metric: str) -> bool:
    """Whether a metric is the score of a part that tables show."""
    return metric.count(SLASH) == 1


def part_means(
    numbers: Iterable[Number], zero_shot: dict[str, list[str]]
) -> dict[tuple[str, str, str], dict[str, float]]:
    """(model, target, intermediate) -> what stands behind the slash -> the mean over languages, then over seeds.

    Args:
        numbers: every number of a sweep.
        zero_shot: the languages that a target's average is over.
    """
    found: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for one in numbers:
        if is_part(one.metric) and one.language in zero_shot[one.target]:
            parts = found.setdefault((one.model, one.target, one.intermediate), {})
            parts.setdefault(one.metric.partition(SLASH)[2], []).append(one.value)
    return {key: {part: statistics.fmean(values) for part, values in parts.items()} for key, parts in found.items()}
