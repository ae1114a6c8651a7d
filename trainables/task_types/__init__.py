"""The families: how rows of a shape become inputs, which head reads them, how outputs become predictions and scores.

A task is data plus one family. To add a family, write a module with a `Family` in it and name it here.
"""

from trainables.task_types.base import Family, Feature, Outputs, Prediction, pad
from trainables.task_types.bitext_mining import BitextMining
from trainables.task_types.dense_retrieval import DenseRetrieval
from trainables.task_types.masked_lm import MaskedLM
from trainables.task_types.multiple_choice import MultipleChoice
from trainables.task_types.pair_classification import PairClassification
from trainables.task_types.retrieval import Retrieval
from trainables.task_types.span_qa import SpanOrNone, SpanQA
from trainables.task_types.tagging import Tagging
from trainables.task_types.translation_ranking import TranslationRanking, WordRanking

_FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
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


def get_family(name: str) -> Family:
    """The family of this name. Raises KeyError with the names there are."""
    try:
        return _FAMILIES[name]
    except KeyError:
        raise KeyError(f"no family {name!r}: there are {', '.join(sorted(_FAMILIES))}") from None


__all__ = ["Family", "Feature", "Outputs", "Prediction", "get_family", "pad"]
