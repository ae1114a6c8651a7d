"""Classification of single texts with one label: topic, sentiment, intent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from trainables.task_types.base import ID, Column, HeadWork, Length, Measure, Row, TaskType

if TYPE_CHECKING:
    import datasets

    from trainables.metrics.by_example import Shares
    from trainables.recipe.tasks import TaskSpec


class TextClassification(TaskType):
    """One label for each row. What is encoded are its text columns, in their order: here there is one."""

    name = "text-classification"
    modeling_class = "trainables.task_types.text_classification.modeling:TextClassification"
    columns = {"id": ID, "text": Column(identity=True), "label": Column(label=True)}
    usual_length = Length(35.0)
    usual_metrics = ("accuracy",)
    other_metrics: ClassVar[tuple[str, ...]] = ("macro_f1", "f1")
    knows_chance = True
    fixed_labels = True
    perturbed: ClassVar[tuple[str, ...]] = ("text",)
    macro_f1: ClassVar[bool] = True
    """Whether the mean F1 of all labels is one of its metrics."""

    def is_labelled(self, row: Row) -> bool:
        return bool(row["label"])

    def labels_of(self, row: Row) -> Sequence[str]:
        return [row["label"]] if row["label"] else []

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        return blocks + head.per_sequence(max(head.labels, 1))

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        from trainables.metrics.by_example import label_measure

        ids: list[str] = rows["id"][:]
        of_labels = label_measure(ids, rows["label"][:], task.labels, macro_f1=self.macro_f1)

        def measure(predictions: Mapping[str, str]) -> dict[str, Shares]:
            return of_labels({name: task.counted(label) for name, label in predictions.items()})

        return ids, measure
