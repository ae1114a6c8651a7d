"""Rows of a split, settled: what their labels are worth, by which ids they go.

All sources give their rows through here, so that no number comes of labels that are none or of rows that are mistaken
for each other. What must be known before a number is believed is a remark, in one line: it stands in `data check`, in
the plan and under the tables. What no number may come of is a `DataError`.

**Labels.** -1 is none, but where it is a label of the task. A test split that has its task's placeholder in every row
(`Task.placeholders`) has no labels. One that has any other label in every row is scored, and that is said. A label that
the task has not, or a row without one among rows that have one, is an error.

**Ids.** Where two rows have the same, all go by their position, and that is said; where rows are referred to by
their ids (`TaskType.refers_to`) it is an error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainables.outside.text import shown
from trainables.task_types import TaskType, get_task_type
from trainables.tasks.sources import DataError, Row, Settled, WrongValue, labels_in, to_dataset
from trainables.tasks.sources.checked_row import NO_LABEL, has_answers, misfit, plain_value
from trainables.tasks.task import Split, Task

if TYPE_CHECKING:
    import datasets

FEW = 10
"""Of fewer rows it says nothing that all have the same label."""
_USES: dict[Split, str] = {
    "train": "they are trained on",
    "dev": "they select the checkpoint, or tune a threshold",
    "shots": "they stand in prompts with their answers",
}
SMALL = 512 * 2**10
"""Bytes of the files of a test split that is read while a sweep is planned, at most."""


class SettledSource(ABC):
    """What sources have in common: their rows are settled."""

    @abstractmethod
    def read(self, task: Task, split: Split, language: str) -> Sequence[Row]:
        """The rows as they lie there. Raises DataError."""

    @abstractmethod
    def describe(self, task: Task, split: Split, language: str) -> str:
        """As `Source.describe`."""

    @abstractmethod
    def size(self, task: Task, split: Split, language: str) -> int | None:
        """Bytes of the files behind the rows; None where there are none yet, or none at all."""

    def settled(self, task: Task, split: Split, language: str) -> Settled:
        """As `Source.settled`."""
        where = self.describe(task, split, language)
        rows = self.read(task, split, language)
        if not rows:
            raise DataError(f"{task.name}: no rows for {split} in {where}")
        return settle(task, split, rows, where)

    def rows(self, task: Task, split: Split, language: str) -> datasets.Dataset:
        """The rows with the columns of the task's type. Raises DataError."""
        return to_dataset(task.type, self.settled(task, split, language).rows)

    def labels(self, task: Task) -> tuple[str, ...]:
        """As `Source.labels`."""
        return labels_in(task, self.settled(task, "train", task.train_language).rows)

    def glance(self, task: Task, split: Split, language: str) -> tuple[str, ...]:
        """As `Source.glance`."""
        size = self.size(task, split, language)
        small = split == "test" and size is not None and size <= SMALL
        return self.settled(task, split, language).remarks if small else ()


def settle(task: Task, split: Split, rows: Sequence[Row], where: str) -> Settled:
    """The rows of a split with the labels and ids that they go by.

    Args:
        where: what an error names.

    Raises:
        DataError: no number may come of these rows.
    """
    task_type = get_task_type(task.type)
    none = {""} if NO_LABEL in task.labels else {"", NO_LABEL}
    settled = [_plain(task_type, row, none, f"{where}, row {number}") for number, row in enumerate(rows, start=1)]
    remarks = [
        *_settle_labels(task, task_type, split, settled, where),
        *_settle_ids(task_type, split, settled, where),
    ]
    return Settled(settled, tuple(remarks))


def _plain(task_type: TaskType, row: Row, none: set[str], where: str) -> Row:
    """The columns of a row; `none`: what is no label."""
    plain: Row = {}
    for name, column in task_type.columns.items():
        try:
            plain[name] = plain_value(row.get(name, column.nothing) if column.aside else row[name], column)
        except KeyError:
            raise DataError(f"{where}: {name} is not there; rows of {task_type.name} have it") from None
        except WrongValue as problem:
            raise DataError(f"{where}: {name}{problem}") from None
        if column.label and not column.ids and column.kind != "answers":
            labels = [plain[name]] if column.kind == "text" else plain[name]
            plain[name] = column.nothing if none.issuperset(labels) else plain[name]
    return plain


def _settle_labels(task: Task, task_type: TaskType, split: Split, rows: list[Row], where: str) -> list[str]:
    """What is to be said of the labels; the rows lose them where they are placeholders."""
    remarks = []
    found = Counter(label for row in rows for label in task_type.labels_of(row))
    labelled = [task_type.is_labelled(row) for row in rows]
    if split == "test" and len(rows) > 1 and all(labelled) and len(found) == 1 and set(found) <= set(task.placeholders):
        labelled = [False] * len(rows)
        for row in rows:
            row.update({name: column.nothing for name, column in task_type.columns.items() if column.label})
        remarks.append(
            f"label {shown(next(iter(found)))} in every row is a placeholder: taken as no labels, so no score"
        )
        found.clear()
    elif split == "test" and not any(labelled):
        remarks.append("no labels: predicted, not scored")
    elif split in _USES and not any(labelled):
        raise DataError(f"{where}: none of {len(rows)} rows has a label, and {_USES[split]}; add the labels")
    misplaced = [number for number, row in enumerate(rows) if task_type.misplaced(row)]
    if misplaced and has_answers(task_type):
        remarks.append(f"{len(misplaced)} rows have an answer that does not stand where it is said to")
    elif misplaced:
        raise DataError(f"{where}, row {misplaced[0] + 1}: {misfit(task_type, rows[misplaced[0]])}")
    if any(labelled) and not all(labelled):
        name, number = next(name for name, column in task_type.columns.items() if column.label), labelled.index(False)
        raise DataError(
            f"{where}, row {number + 1}: {name} is missing, and {sum(labelled)} of {len(rows)} rows have one; "
            "a score over a part would mislead, so complete or remove them"
        )
    labels = task.row_labels if task_type.fixed_labels else ()
    if labels and (unknown := next((label for label in found if label not in labels), None)) is not None:
        number = next(number for number, row in enumerate(rows, start=1) if unknown in task_type.labels_of(row))
        raise DataError(f"{where}, row {number}: the label is {shown(unknown)}; expected one of: {', '.join(labels)}")
    if len(found) == 1 and sum(labelled) >= FEW:
        remarks.append(
            f"suspicious: all {len(rows)} rows have the label {shown(next(iter(found)))}, as placeholders have"
        )
    return remarks


def _settle_ids(task_type: TaskType, split: Split, rows: list[Row], where: str) -> list[str]:
    """What is to be said of the ids; the rows get others where two have the same."""
    twice = len(rows) - len({row["id"] for row in rows})
    if not twice:
        if (missing := task_type.dangling(rows)) is not None:
            raise DataError(f"{where}: {shown(missing)} is referred to and no row has this id; add it, or mend the id")
        return []
    if split in task_type.refers_to:
        (name, count), *_ = Counter(row["id"] for row in rows).most_common(1)
        raise DataError(f"{where}: {count} rows have the id {shown(name)}, and others refer to it; make ids unique")
    for position, row in enumerate(rows):
        row["id"] = str(position)
    return [f"{twice} of {len(rows)} rows repeat the id of another: all go by their position"]
