"""Extractive question answering: the answer is a span of the context, or (`span-or-none`) there is none."""

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
        from trainables.metrics.by_example import answer_measure
        from trainables.metrics.mlqa import mlqa_normaliser
        from trainables.metrics.squad import normalize_answer

        ids: list[str] = rows["id"][:]
        normalise = mlqa_normaliser(language) if task.scorer == "mlqa" else normalize_answer
        return ids, answer_measure(ids, [one["text"] for one in rows["answers"][:]], normalise)


class SpanOrNone(SpanQA):
    """As span QA, but a question without answers has none in its context, and is labelled all the same."""

    name = "span-or-none"
    modeling_class = "trainables.task_types.span_qa.modeling:SpanOrNone"

    def is_labelled(self, row: Row) -> bool:
        return True

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        return TaskType.measure(self, task, language, rows)
