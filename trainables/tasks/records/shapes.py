"""What tasks of a kind have in common: how they are scored, their labels, their settings."""

from __future__ import annotations

from typing import Any


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NLI_LABELS = ("entailment", "neutral", "contradiction")
PARAPHRASE_LABELS = ("0", "1")
PANX_LABELS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
UPOS_LABELS = words("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X")

# How each task type is scored and how its checkpoint is picked.
PAIRS: dict[str, Any] = {
    "type": "pair-classification",
    "main_metrics": ("accuracy",),
    "select_metric": "accuracy",
}
NLI: dict[str, Any] = {**PAIRS, "labels": NLI_LABELS}
CHOICE: dict[str, Any] = {"type": "multiple-choice", "main_metrics": ("accuracy",), "select_metric": "accuracy"}
TAGGING: dict[str, Any] = {"type": "tagging", "main_metrics": ("f1",), "select_metric": "f1"}
# The reference toolkit picks QA checkpoints by the mean of F1 and exact match.
SPAN_QA: dict[str, Any] = {"type": "span-qa", "main_metrics": ("f1", "exact_match"), "select_metric": "score"}
RETRIEVAL: dict[str, Any] = {"type": "retrieval", "main_metrics": ("accuracy",), "select_metric": "accuracy"}
DENSE: dict[str, Any] = {"type": "dense-retrieval", "main_metrics": ("map@20",), "select_metric": "map@20"}
MINING: dict[str, Any] = {"type": "bitext-mining", "main_metrics": ("f1",), "select_metric": "f1"}
MASKED_LM: dict[str, Any] = {
    "type": "masked-lm",
    "main_metrics": ("loss",),
    "select_metric": "loss",
    "select_mode": "min",
}
REAL: dict[str, Any] = {"source": "files", "train_language": "en"}
GENERATED: dict[str, Any] = {"source": "generated", "train_language": "one"}
