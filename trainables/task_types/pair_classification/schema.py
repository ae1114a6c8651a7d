"""Classification of pairs of texts with one label: natural language inference, paraphrase.

A row may say in which parts of a test set it counts (`parts`), as those of HANS do: then each has an accuracy.
"""

from __future__ import annotations

from trainables.task_types.base import ID, Column, Length
from trainables.task_types.text_classification.schema import TextClassification


class PairClassification(TextClassification):
    """As classification of single texts, but two texts are encoded as a pair."""

    name = "pair-classification"
    columns = {
        "id": ID,
        "text_a": Column(identity=True),
        "text_b": Column(identity=True),
        "label": Column(label=True),
        "parts": Column("texts", may_be_empty=True, aside=True),
    }
    usual_length = Length(43.0)
    usual_metrics = ("accuracy",)
    other_metrics = ("f1",)
    macro_f1 = False
    perturbed = ("text_a", "text_b")
