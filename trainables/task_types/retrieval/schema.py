"""Sentence retrieval without training: the nearest neighbour among the sentences of the other side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.task_types.base import ID, Column, Length, Measure, TaskType

if TYPE_CHECKING:
    import datasets

    from trainables.recipe.tasks import TaskSpec


class Retrieval(TaskType):
    name = "retrieval"
    modeling_class = "trainables.task_types.retrieval.modeling:Retrieval"
    columns = {"id": ID, "query": Column(identity=True), "candidate": Column(identity=True)}
    usual_length = Length(11.1, features=2.0)
    usual_metrics = ("accuracy",)
    trained = False
    compares_vectors = True
    ranks_its_rows = True
    searches = True

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        from trainables.metrics.by_example import right_answers

        ids: list[str] = rows["id"][:]
        return ids, lambda predictions: {
            "accuracy": right_answers([predictions[name] for name in ids], range(len(ids)))
        }
