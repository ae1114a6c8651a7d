"""The task types: how rows of a shape become inputs, which head reads them, how outputs become predictions and scores.

A task is data plus one task type. To add a task type, write a module with a `TaskType` in it and name it here.
"""

from trainables.task_types.base import Feature, ModelOutputs, Prediction, TaskType, pad
from trainables.task_types.bitext_mining import BitextMining
from trainables.task_types.dense_retrieval import DenseRetrieval
from trainables.task_types.masked_lm import MaskedLM
from trainables.task_types.multiple_choice import MultipleChoice
from trainables.task_types.pair_classification import PairClassification
from trainables.task_types.retrieval import Retrieval
from trainables.task_types.span_qa import SpanOrNone, SpanQA
from trainables.task_types.tagging import Tagging
from trainables.task_types.translation_ranking import TranslationRanking, WordRanking

_TASK_TYPES: dict[str, TaskType] = {
    task_type.name: task_type
    for task_type in (
        PairClassification(),
        MultipleChoice(),
        Tagging(),
        SpanQA(),
        SpanOrNone(),
        Retrieval(),
        DenseRetrieval(),
        BitextMining(),
        MaskedLM(),
        TranslationRanking(),
        WordRanking(),
    )
}


def get_task_type(name: str) -> TaskType:
    """The task type of this name. Raises KeyError with the names there are."""
    try:
        return _TASK_TYPES[name]
    except KeyError:
        raise KeyError(f"no task type {name!r}: there are {', '.join(sorted(_TASK_TYPES))}") from None


__all__ = ["TaskType", "Feature", "ModelOutputs", "Prediction", "get_task_type", "pad"]
