"""Causal language modelling on plain text, and on translation pairs in one row."""

from __future__ import annotations

from trainables.task_types.base import HeadWork, Row, TaskType
from trainables.task_types.masked_lm.schema import MaskedLM


class CausalLM(TaskType):
    """An objective on text; its rows are those of masked LM."""

    name = "causal-lm"
    modeling_class = "trainables.task_types.causal_lm.modeling:CausalLM"
    columns = MaskedLM.columns
    usual_length = MaskedLM.usual_length
    usual_metrics = ("loss",)
    reads_text = True
    predicts_next = True
    whole_vocabulary = True

    def leak_key(self, row: Row) -> str | None:
        return None

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        """The head is over the whole vocabulary for each subword."""
        return blocks + head.per_token(head.vocabulary)
