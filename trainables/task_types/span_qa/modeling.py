"""Extractive question answering: the answer is a span of the context (SQuAD v1.1 and its kin), or there is none (v2).

Encoding and decoding as in the study's toolkit: question cut at 64 subwords, windows over the context with a stride of
128 (a third of shorter inputs), the 20 best starts and ends, answers of at most 30 subwords. Where a window does not
hold the answer, its first token stands for it, in both versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.failure import NonRetryable
from trainables.metrics import adversarial_squad, multichecklist
from trainables.metrics.answer_scorers import normaliser
from trainables.metrics.by_parts import over_parts
from trainables.metrics.squad import answer_scores
from trainables.metrics.squad2 import squad2_scores
from trainables.models.backbones.modeling import Backbone
from trainables.models.heads import TokenHead
from trainables.models.inputs import InputEncoder
from trainables.recipe.tasks import TaskSpec
from trainables.task_types.modeling import Feature, ModelOutputs, Prediction, TaskModeling
from trainables.task_types.offsets import Located, located

QUESTION_LENGTH = 64
STRIDE = 128
BEST = 20
ANSWER_LENGTH = 30
NOTHING = -1e6
"""The score of the best span where the context has no words."""


class TooShort(NonRetryable, ValueError):
    """Inputs so short that no part of a context fits beside its question."""


class SpanQA(TaskModeling):
    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """One feature per window. `starts`/`ends`: character offsets of its context tokens; `span`: the answer's
        first and last token in the window, or (0, 0) where the answer is not in it."""
        if max_length < (least := self.type.least_length):
            raise TooShort(f"{task.name}: max_length {max_length} has no room for a context; give {least} or more")
        third, specials = max_length // 3, len(encoder.pair)
        contexts = list(dict.fromkeys(examples["context"][:]))
        by_context = dict(zip(contexts, located(contexts, encoder.tokenizer), strict=True))
        questions = encoder.subwords(examples["question"][:])
        features: list[Feature] = []
        rows = zip(questions, examples["context"][:], examples["answers"][:], strict=True)
        for i, (question, context, answers) in enumerate(rows):
            question, text = question[: min(QUESTION_LENGTH, third)], by_context[context]
            gold = _gold(text, context, answers)
            first = encoder.pair.start_of_second(len(question))
            room = max_length - specials - len(question)
            for start, end in _windows(len(text.subwords), room, min(STRIDE, third, room - 1)):
                features.append(
                    {
                        **encoder.join(question, text.subwords[start:end]),
                        "example": i,
                        "first": first if end else 0,
                        "starts": text.starts[start:end],
                        "ends": text.ends[start:end],
                        "span": _in_window(gold, start, end, first),
                    }
                )
        return features

    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return TokenHead(backbone.shape.hidden, 2, dropout)

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        spans = torch.tensor([feature["span"] for feature in features])
        return {**super().collate(features, pad_id), "spans": spans}

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        logits = output.masked_fill(batch["attention_mask"].unsqueeze(-1) == 0, float("-inf"))
        starts, ends = batch["spans"].unbind(-1)
        start_loss = F.cross_entropy(logits[..., 0], starts, reduction="sum")
        return (start_loss + F.cross_entropy(logits[..., 1], ends, reduction="sum")) / 2

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        lengths = batch["attention_mask"].sum(-1).tolist()
        logits = output.float().cpu().numpy()
        return [row[:length] for row, length in zip(logits, lengths, strict=True)]

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        """The text of the best span."""
        return {name: text for name, (text, _, _) in _best_spans(outputs).items()}

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        """`f1` and `exact_match`: SQuAD's, or those of the task's scorer; of parts of the test set `f1/PART`."""
        ids = examples["id"][:]
        accepted = [one["text"] for one in examples["answers"][:]]
        if not all(accepted):
            return {}
        if task.scorer == adversarial_squad.SCORER:
            return adversarial_squad.worst_scores(predictions, ids, accepted)
        normalise = normaliser(task.scorer, language)

        def score(rows: Sequence[int]) -> dict[str, float]:
            scores = answer_scores(((predictions[ids[i]], accepted[i]) for i in rows), normalise)
            if task.scorer == multichecklist.SCORER:
                scores |= multichecklist.failure_rate(
                    [(ids[i], predictions[ids[i]], accepted[i]) for i in rows], normalise
                )
            return scores

        return score(range(len(ids))) | over_parts(score, self.type.parts_of(examples))


class SpanOrNone(SpanQA):
    """Questions that may have no answer in their context (SQuAD v2)."""

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        """`{"text", "no_answer"}`: the best span's text, and the score of no answer (start + end at the first token,
        the least of all windows) minus the span's."""
        return {
            name: {"text": text, "no_answer": null - score}
            for name, (text, score, null) in _best_spans(outputs).items()
        }

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        """As `squad2_scores`. A row alone does not tell whether it is labelled, so all rows must be."""
        answers = {i: a["text"] for i, a in zip(examples["id"][:], examples["answers"][:], strict=True)}
        if not any(answers.values()):
            return {}
        return squad2_scores({i: (found["text"], found["no_answer"]) for i, found in predictions.items()}, answers)


def _best_spans(outputs: ModelOutputs) -> dict[str, tuple[str, float, float]]:
    """Of each example's windows the best span's text and score, and the least score of the first token."""
    best: dict[int, tuple[str, float]] = {}
    null: dict[int, float] = {}
    contexts = outputs.examples["context"][:]
    columns = (outputs.features[name] for name in ("example", "first", "starts", "ends"))
    for logits, example, first, starts, ends in zip(outputs.values, *columns, strict=True):
        score, i, j = _best_span(logits[first : first + len(starts)])
        if score > best.get(example, ("", -np.inf))[1]:
            best[example] = contexts[example][starts[i] : ends[j]].strip(), score
        null[example] = min(null.get(example, np.inf), float(logits[0].sum()))
    ids = enumerate(outputs.examples["id"][:])
    return {name: (*best.get(i, ("", NOTHING)), null.get(i, 0.0)) for i, name in ids}


def _gold(text: Located, context: str, answers: Mapping[str, Any]) -> tuple[int, int] | None:
    """The first and last subword of the first answer, white space at its edges aside; None where there is none."""
    if not answers["text"]:
        return None
    start, answer = answers["answer_start"][0], answers["text"][0]
    start, answer = start + len(answer) - len(answer.lstrip()), answer.strip()
    return text.covering(start, start + len(answer))


def _in_window(gold: tuple[int, int] | None, start: int, end: int, first: int) -> tuple[int, int]:
    """Positions of the gold subwords in a window over those from `start` to `end`, which begins at position `first`;
    (0, 0) where it does not hold them all."""
    if gold is None or gold[0] < start or gold[1] >= end:
        return 0, 0
    return first + gold[0] - start, first + gold[1] - start


def _windows(subwords: int, room: int, stride: int) -> Iterator[tuple[int, int]]:
    """Runs of at most `room` subwords, each with the last `stride` of the one before, until all are in one."""
    for start in range(0, max(1, subwords - stride), room - stride):
        yield start, min(start + room, subwords)


def _best_span(logits: np.ndarray) -> tuple[float, int, int]:
    """The highest start + end among the best few, with start <= end and a bounded length; logits (tokens × 2)."""
    if not len(logits):
        return -np.inf, 0, 0
    starts = np.argsort(-logits[:, 0], kind="stable")[:BEST]
    ends = np.argsort(-logits[:, 1], kind="stable")[:BEST]
    total = logits[starts, 0][:, None] + logits[ends, 1][None, :]
    length = ends[None, :] - starts[:, None]
    total = np.where((length >= 0) & (length < ANSWER_LENGTH), total, -np.inf)
    i, j = np.unravel_index(int(np.argmax(total)), total.shape)
    return float(total[i, j]), int(starts[i]), int(ends[j])
