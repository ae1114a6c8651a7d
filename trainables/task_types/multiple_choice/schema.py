"""Multiple choice: which of the choices goes with the prompt. Rows may differ in their number of choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainables.task_types.base import ID, Column, HeadWork, Length, Measure, Row, TaskType

if TYPE_CHECKING:
    import datasets

    from trainables.recipe.tasks import TaskSpec


class MultipleChoice(TaskType):
    name = "multiple-choice"
    modeling_class = "trainables.task_types.multiple_choice.modeling:MultipleChoice"
    columns = {
        "id": ID,
        "prompt": Column(identity=True),
        "choices": Column("texts", identity=True),
        "label": Column(label=True),  # the position of the right choice, from "0"
    }
    usual_length = Length(60.0, sequences=4)
    usual_metrics = ("accuracy",)
    knows_chance = True

    def is_labelled(self, row: Row) -> bool:
        return bool(row["label"])

    def labels_of(self, row: Row) -> Sequence[str]:
        return [row["label"]] if row["label"] else []

    def misplaced(self, row: Row) -> bool:
        label: str = row["label"]
        return bool(label) and label not in map(str, range(len(row["choices"])))

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        return blocks + head.per_sequence(1)

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        from trainables.metrics.by_example import label_measure

        ids: list[str] = rows["id"][:]
        return ids, label_measure(ids, rows["label"][:], task.labels)
