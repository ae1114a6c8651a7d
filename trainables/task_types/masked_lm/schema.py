"""Masked language modelling on plain text, and on translation pairs in one row."""

from __future__ import annotations

from trainables.task_types.base import ID, Column, HeadWork, Length, Row, TaskType

PREDICTED = 0.15
"""Share of the subwords that are predicted (Devlin et al. 2019)."""


class MaskedLM(TaskType):
    name = "masked-lm"
    modeling_class = "trainables.task_types.masked_lm.modeling:MaskedLM"
    columns = {"id": ID, "text": Column(identity=True), "translation": Column(identity=True, may_be_empty=True)}
    usual_length = Length(52.0)  # measured on NTREX and FLORES, half of whose rows are translations
    usual_metrics = ("loss",)
    reads_text = True
    masks = True
    whole_vocabulary = True

    def leak_key(self, row: Row) -> str | None:
        return None

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        """The head is over the whole vocabulary for each predicted subword."""
        return blocks + PREDICTED * head.per_token(head.hidden + head.vocabulary)
