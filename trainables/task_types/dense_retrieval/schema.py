"""Dense retrieval: a trained dual encoder finds what answers a query in a pool of all languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainables.task_types.base import ID, Column, HeadWork, Length, Measure, Row, TaskType

if TYPE_CHECKING:
    import datasets

    from trainables.recipe.tasks import TaskSpec


class DenseRetrieval(TaskType):
    """Train and dev rows: a query and the candidate that answers it. Test: a query, candidate "", and in `matches` the
    ids of the pool's rows that answer it. Pool: query "", candidate, `matches` []."""

    name = "dense-retrieval"
    modeling_class = "trainables.task_types.dense_retrieval.modeling:DenseRetrieval"
    columns = {
        "id": ID,
        "query": Column(identity=True, may_be_empty=True),
        "candidate": Column(identity=True, may_be_empty=True),
        "matches": Column("texts", may_be_empty=True, label=True, ids=True),
    }
    usual_length = Length(64.0, sequences=2)
    searches = True
    context = ("pool",)
    refers_to = ("pool",)
    contrastive_group_size = 16
    perturbed = ("query",)

    def is_labelled(self, row: Row) -> bool:
        return bool(row["candidate"] or row["matches"])

    def sought(self, row: Row) -> Sequence[str]:
        matches: Sequence[str] = row["matches"]
        return matches

    def leak_key(self, row: Row) -> str | None:
        text: str = row["query"] or row["candidate"]
        return text

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        return blocks + head.per_sequence(1)

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        from trainables.metrics.by_example import ranked

        ids: list[str] = rows["id"][:]
        relevant = rows["matches"][:]
        return ids, lambda predictions: {f"map@{DEPTH}": ranked([predictions[name] for name in ids], relevant, DEPTH)}


DEPTH = 20
"""So many candidates are found for each query."""
