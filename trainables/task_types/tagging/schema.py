"""Tagging: one tag for each word of a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainables.task_types.base import ID, Column, HeadWork, Length, Measure, Row, TaskType

if TYPE_CHECKING:
    import datasets

    from trainables.metrics.by_example import Shares
    from trainables.recipe.tasks import TaskSpec


BARE_SHARE = 0.2
"""Where a larger share of a language's words begins with a bare space sign, a reader is told."""


class Tagging(TaskType):
    name = "tagging"
    modeling_class = "trainables.task_types.tagging.modeling:Tagging"
    columns = {"id": ID, "tokens": Column("texts", identity=True), "tags": Column("texts", label=True)}
    usual_length = Length(26.0)
    usual_metrics = ("f1",)
    other_metrics = ("accuracy",)
    knows_chance = True
    fixed_labels = True
    labels_words = True
    perturbed = ("tokens",)

    def is_labelled(self, row: Row) -> bool:
        return len(row["tags"]) == len(row["tokens"])

    def labels_of(self, row: Row) -> Sequence[str]:
        tags: Sequence[str] = row["tags"]
        return tags

    def misplaced(self, row: Row) -> bool:
        return 0 < len(row["tags"]) != len(row["tokens"])

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        return blocks + head.per_token(head.labels)

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        from trainables.metrics.by_example import chunked, right_words
        from trainables.metrics.tagging import chunks

        ids: list[str] = rows["id"][:]
        tags = rows["tags"][:]
        gold = [chunks(one) for one in tags]

        def measure(predictions: Mapping[str, Any]) -> dict[str, Shares]:
            ours = [predictions[name] for name in ids]
            return {"f1": chunked(ours, gold), "accuracy": right_words(ours, tags)}

        return ids, measure
