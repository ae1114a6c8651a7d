"""Extractive question answering: the answer is a span of the context, or (`span-or-none`) there is none.

A row may say in which parts of a test set it counts (`parts`), as those of MultiCheckList do: then each has its scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.task_types.base import ID, Column, HeadWork, Length, Measure, Row, TaskType

if TYPE_CHECKING:
    import datasets

    from trainables.recipe.tasks import TaskSpec


class SpanQA(TaskType):
    name = "span-qa"
    modeling_class = "trainables.task_types.span_qa.modeling:SpanQA"
    version = 2  # gold spans are the fewest subwords that cover an answer
    columns = {
        "id": ID,
        "question": Column(identity=True),
        "context": Column(identity=True),
        "answers": Column("answers", label=True),
        "parts": Column("texts", may_be_empty=True, aside=True),
    }
    usual_length = Length(194.5, features=1.01)
    least_length = 13  # four special tokens, a third for the question, a third for what windows share, and one subword
    usual_metrics = ("f1", "exact_match")
    perturbed = ("question", "context")

    def is_labelled(self, row: Row) -> bool:
        return len(row["answers"]["text"]) > 0

    def misplaced(self, row: Row) -> bool:
        pairs = zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
        return any(row["context"][start : start + len(text)] != text for text, start in pairs)

    def leak_key(self, row: Row) -> str | None:
        context: str = row["context"]
        return context

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        return blocks + head.per_token(2)

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        from trainables.metrics.adversarial_squad import SCORER, worst_measure
        from trainables.metrics.answer_scorers import normaliser
        from trainables.metrics.by_example import answer_measure

        ids: list[str] = rows["id"][:]
        accepted = [one["text"] for one in rows["answers"][:]]
        if task.scorer == SCORER:
            return worst_measure(ids, accepted)
        return ids, answer_measure(ids, accepted, normaliser(task.scorer, language))


class SpanOrNone(SpanQA):
    """As span QA, but a question without answers has none in its context, and is labelled all the same."""

    name = "span-or-none"
    modeling_class = "trainables.task_types.span_qa.modeling:SpanOrNone"

    def is_labelled(self, row: Row) -> bool:
        return True

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        return TaskType.measure(self, task, language, rows)
