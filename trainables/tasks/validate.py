"""What is in the rows of a task, before anything is trained on them: counts, labels, and what looks wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainables.task_types import get_task_type
from trainables.tasks.sources import Settled
from trainables.tasks.task import Split, Task


@dataclass(frozen=True, kw_only=True)
class SplitReport:
    """What a split of a task has in a language.

    Attributes:
        rows: how many there are.
        expected: how many the benchmark has; ``None`` where no figure is known.
        labelled: how many can be scored or trained on.
        labels: how often each label occurs (of tagging: each tag, of multiple choice: each position).
        empty: rows in which a text is empty.
        duplicates: rows whose texts stood in an earlier one.
        remarks: what is to be known before a number is believed; a line each.
        problems: what makes the rows unfit; a line each.
    """

    rows: int
    expected: int | None
    labelled: int
    labels: Mapping[str, int]
    empty: int
    duplicates: int
    remarks: tuple[str, ...]
    problems: tuple[str, ...]


def validate(task: Task, split: Split, language: str, settled: Settled) -> SplitReport:
    """Look at every row once."""
    rows = settled.rows
    task_type = get_task_type(task.type)
    needed = [name for name in task_type.identity if not task_type.columns[name].may_be_empty]
    seen: set[tuple[str, ...]] = set()
    labels: Counter[str] = Counter()
    labelled = empty = duplicates = outside = 0
    for row in rows:
        key = task_type.key(row)
        duplicates += key in seen
        seen.add(key)
        empty += any(not _text(row[name]).strip() for name in needed)
        labelled += task_type.is_labelled(row)
        labels.update(task_type.labels_of(row))
        outside += task_type.misplaced(row)
    problems = []
    if outside:
        problems.append(f"{outside} rows have an answer that does not stand where it is said to")
    return SplitReport(
        rows=len(rows),
        expected=task.expected_rows.get(split, {}).get(language),
        labelled=labelled,
        labels=dict(labels),
        empty=empty,
        duplicates=duplicates,
        remarks=tuple(remark for remark in settled.remarks if remark not in problems),
        problems=tuple(problems),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "\n".join(value)
