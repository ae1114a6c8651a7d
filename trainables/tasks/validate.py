"""What is in the rows of a task, before anything is trained on them: counts, labels, and what looks wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainables.tasks.expected import EXPECTED
from trainables.tasks.sources import is_labelled
from trainables.tasks.task import Split, Task

if TYPE_CHECKING:
    import datasets

# The texts that make a row what it is, by task type: two rows are the same when they have the same ones.
_TEXTS: Mapping[str, tuple[str, ...]] = {
    "pair-classification": ("text_a", "text_b"),
    "multiple-choice": ("prompt", "choices"),
    "tagging": ("tokens",),
    "span-qa": ("question", "context"),
    "span-or-none": ("question", "context"),
    "retrieval": ("query", "candidate"),
    "dense-retrieval": ("query", "candidate"),
    "bitext-mining": ("side", "text"),
    "masked-lm": ("text", "translation"),
}
# Of these, what may be empty.
_MAY_BE_EMPTY = {"dense-retrieval": ("query", "candidate"), "masked-lm": ("translation",)}


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
        problems: what makes the rows unfit; a line each.
    """

    rows: int
    expected: int | None
    labelled: int
    labels: Mapping[str, int]
    empty: int
    duplicates: int
    problems: tuple[str, ...]


def validate(task: Task, split: Split, language: str, rows: datasets.Dataset) -> SplitReport:
    """Look at every row once."""
    names = _TEXTS[task.type]
    needed = [name for name in names if name not in _MAY_BE_EMPTY.get(task.type, ())]
    seen: set[tuple[str, ...]] = set()
    labels: Counter[str] = Counter()
    labelled = empty = duplicates = outside = 0
    ids: set[str] = set()
    for row in rows:
        ids.add(row["id"])
        key = key_of(task, row)
        duplicates += key in seen
        seen.add(key)
        empty += any(not _text(row[name]).strip() for name in needed)
        labelled += is_labelled(task, row)
        labels.update(_labels(task, row))
        outside += _answers_elsewhere(row)
    problems = []
    if len(ids) < len(rows):
        problems.append(f"{len(rows) - len(ids)} ids stand twice")
    if split in ("train", "dev") and labelled < len(rows):
        problems.append(f"{len(rows) - labelled} rows have no label, and they are trained on or selected by")
    if unknown := sorted(set(labels) - set(task.labels)) if task.labels else []:
        problems.append(f"labels that the task has not: {', '.join(unknown[:5])}")
    if outside:
        problems.append(f"{outside} rows whose answer does not stand where it is said to, or whose choice is not there")
    return SplitReport(
        rows=len(rows),
        expected=EXPECTED.get((task.name, split), {}).get(language),
        labelled=labelled,
        labels=dict(labels),
        empty=empty,
        duplicates=duplicates,
        problems=tuple(problems),
    )


def key_of(task: Task, row: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that make a row what it is."""
    return tuple(_text(row[name]) for name in _TEXTS[task.type])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "\n".join(value)


def _labels(task: Task, row: Mapping[str, Any]) -> list[str]:
    if task.type in ("pair-classification", "multiple-choice"):
        return [row["label"]] if row["label"] else []
    return row["tags"] if task.type == "tagging" else []


def _answers_elsewhere(row: Mapping[str, Any]) -> bool:
    if "choices" in row:
        return bool(row["label"]) and not 0 <= int(row["label"]) < len(row["choices"])
    answers = row.get("answers", {"text": [], "answer_start": []})
    pairs = zip(answers["text"], answers["answer_start"], strict=True)
    return any(row["context"][start : start + len(text)] != text for text, start in pairs)
