"""The task types. A task is data plus one type.

To add one, write a package with `schema.py` (a `TaskType`: what its rows are, what it costs; no torch) and
`modeling.py` (a `TaskModeling`: encoding, head, loss, prediction, score), and register it: here, or in a plug-in. No
other module knows the name of a type.
"""

from trainables.task_types.base import (
    ID,
    Column,
    HeadWork,
    Length,
    NoShares,
    TaskType,
)
from trainables.task_types.bitext_mining.schema import BitextMining
from trainables.task_types.causal_lm.schema import CausalLM
from trainables.task_types.choice_likelihood.schema import ChoiceLikelihood
from trainables.task_types.dense_retrieval.schema import DenseRetrieval
from trainables.task_types.image_text.schema import ImageText
from trainables.task_types.masked_lm.schema import MaskedLM
from trainables.task_types.multiple_choice.schema import MultipleChoice
from trainables.task_types.pair_classification.schema import PairClassification
from trainables.task_types.registry import UnknownTaskType, all_task_types, get_task_type, register
from trainables.task_types.retrieval.schema import Retrieval
from trainables.task_types.span_qa.schema import SpanOrNone, SpanQA
from trainables.task_types.tagging.schema import Tagging
from trainables.task_types.text_classification.schema import TextClassification
from trainables.task_types.translation_ranking.schema import TranslationRanking, WordRanking

for _task_type in (
    TextClassification(),
    PairClassification(),
    MultipleChoice(),
    ChoiceLikelihood(),
    Tagging(),
    SpanQA(),
    SpanOrNone(),
    Retrieval(),
    DenseRetrieval(),
    BitextMining(),
    MaskedLM(),
    CausalLM(),
    TranslationRanking(),
    WordRanking(),
    ImageText(),
):
    register(_task_type)

__all__ = [
    "ID", "Column", "HeadWork", "Length", "NoShares", "TaskType", "UnknownTaskType", "all_task_types", "get_task_type",
    "register",
]  # fmt: skip
