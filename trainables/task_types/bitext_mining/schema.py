"""Bitext mining without training: which sentences of two texts are translations of each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainables.task_types.base import ID, Column, Length, Measure, Row, TaskType

if TYPE_CHECKING:
    import datasets

    from trainables.recipe.tasks import TaskSpec


class BitextMining(TaskType):
    """Dev and test rows, one per sentence of either side (`side`: "foreign" or "english"). `match` of a foreign
    sentence is the id of the English one that is its translation (of several, all with tabs between), else "". Dev
    rows tune the threshold, as the benchmark has it."""

    name = "bitext-mining"
    modeling_class = "trainables.task_types.bitext_mining.modeling:BitextMining"
    columns = {
        "id": ID,
        "side": Column(identity=True, values=("foreign", "english")),
        "text": Column(identity=True),
        "match": Column(label=True, ids=True, nullable=True),
    }
    usual_length = Length(26.4)
    trained = False
    compares_vectors = True
    ranks_its_rows = True
    searches = True
    context = ("dev",)
    refers_to = ("dev", "test")

    def is_labelled(self, row: Row) -> bool:
        return row["match"] is not None

    def dangling(self, rows: Sequence[Row]) -> str | None:
        english = {row["id"] for row in rows if row["side"] == "english"}
        matches = (one for row in rows if row["side"] == "foreign" for one in partners(row["match"]))
        return next((match for match in matches if match not in english), None)

    def leak_key(self, row: Row) -> str | None:
        return None

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        from trainables.metrics.by_example import matched

        sides = zip(rows["id"][:], rows["side"][:], rows["match"][:], strict=True)
        match = {name: partners(other) for name, side, other in sides if side == "foreign"}
        return list(match), lambda predictions: {
            "f1": matched({name: one["match"] for name, one in predictions.items() if "match" in one}, match)
        }


def partners(match: str | None) -> list[str]:
    """The ids that a row's `match` holds. A sentence may have two translations, and each is a right pair."""
    return match.split("\t") if match else []
