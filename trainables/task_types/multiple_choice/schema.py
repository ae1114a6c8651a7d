"""Multiple choice: which of the choices goes with the prompt. Rows may differ in their number of choices.

A row may say what its question is about (`subject`) and in which parts of a test set it counts (`parts`), as those of
MMLU do: then there are scores of each. Where a language model is better asked in other words, it has them as `query`, a
text that goes on, and `endings`, a continuation for each choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from trainables.task_types.base import ID, Column, HeadWork, Length, Measure, Row, TaskType

if TYPE_CHECKING:
    import datasets

    from trainables.metrics.by_example import Shares
    from trainables.recipe.tasks import TaskSpec


class MultipleChoice(TaskType):
    name = "multiple-choice"
    modeling_class = "trainables.task_types.multiple_choice.modeling:MultipleChoice"
    columns = {
        "id": ID,
        "prompt": Column(identity=True),
        "choices": Column("texts", identity=True),
        "label": Column(label=True),  # the position of the right choice, from "0"
        "subject": Column(may_be_empty=True, aside=True),
        "parts": Column("texts", may_be_empty=True, aside=True),
        "query": Column(may_be_empty=True, aside=True),
        "endings": Column("texts", may_be_empty=True, aside=True),
    }
    usual_length = Length(60.0, sequences=4)
    usual_metrics = ("accuracy",)
    other_metrics: ClassVar[tuple[str, ...]] = ("macro_accuracy",)
    knows_chance = True
    chooses = True
    perturbed = ("prompt", "query")
    by_likelihood = "choice-likelihood"

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
        from trainables.metrics.by_parts import part_shares

        ids: list[str] = rows["id"][:]
        gold, (subjects, parts) = rows["label"][:], self.counted_under(rows)

        def measure(predictions: Mapping[str, Any]) -> dict[str, Shares]:
            return part_shares([self.chosen(predictions[name]) for name in ids], gold, subjects, parts)

        return ids, measure

    def counted_under(self, rows: datasets.Dataset) -> tuple[list[str], list[list[str]]]:
        """The subject of each row, and its parts; none in rows that were prepared before there were such columns."""
        subjects = rows["subject"][:] if "subject" in rows.column_names else [""] * len(rows)
        return subjects, self.parts_of(rows)

    def chosen(self, prediction: Any) -> str:
        """The position of the choice that a prediction is."""
        return str(prediction)
