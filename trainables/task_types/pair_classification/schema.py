"""Classification of pairs of texts with one label: natural language inference, paraphrase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainables.task_types.base import ID, Column, HeadWork, Length, Measure, Row, TaskType

if TYPE_CHECKING:
    import datasets

    from trainables.recipe.recipes import TaskSpec


class PairClassification(TaskType):
    name = "pair-classification"
    modeling_class = "trainables.task_types.pair_classification.modeling:PairClassification"
    columns = {
        "id": ID,
        "text_a": Column(identity=True),
        "text_b": Column(identity=True),
        "label": Column(label=True),
    }
    usual_length = Length(43.0)
    knows_chance = True
    fixed_labels = True

    def is_labelled(self, row: Row) -> bool:
        return bool(row["label"])

    def labels_of(self, row: Row) -> Sequence[str]:
        return [row["label"]] if row["label"] else []

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        return blocks + head.per_sequence(max(head.labels, 1))

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        from trainables.metrics.by_example import label_measure

        ids: list[str] = rows["id"][:]
        return ids, label_measure(ids, rows["label"][:], task.labels)
