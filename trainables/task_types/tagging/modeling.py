"""Tagging: one tag per word, on its first subword, on the first that is visible (`TaskSpec.label_position`), or, for a
decoder, on its last (`Layout.tags_on`). Long sentences are split into several rows, never cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from datasets import Dataset
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from trainables.metrics.classification import accuracy_scores
from trainables.metrics.collapse_detection import ChanceLevel
from trainables.metrics.tagging import entity_f1
from trainables.models.backbones.modeling import Backbone
from trainables.models.heads import TokenHead
from trainables.models.inputs import InputEncoder, marks_words
from trainables.recipe.tasks import FIRST_VISIBLE, TaskSpec
from trainables.task_types.modeling import Feature, ModelOutputs, Prediction, TaskModeling, pad
from trainables.task_types.offsets import SpaceSigns

IGNORED = -100


class Tagging(TaskModeling):
    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """One feature per part of a sentence. `words` are positions of the subwords that have the tags, `tags` their
        numbers; `bare_words` is how many of its words begin with a bare space sign.

        A tag that is none of the labels, as one that was not seen in training, bears no loss and is never predicted.
        Raises ValueError where no tag at all is one of them: then the labels are another task's.
        """
        number = {tag: i for i, tag in enumerate(task.labels)}
        room = max_length - len(encoder.single)
        signs, position = SpaceSigns(encoder.tokenizer), task.label_position or encoder.layout.tags_on
        features: list[Feature] = []
        tagged = known = 0
        sentences = examples["tokens"][:]
        for i, (subwords, tags) in enumerate(
            zip(_subwords(sentences, encoder.tokenizer), examples["tags"][:], strict=True)
        ):
            numbers = [number.get(tag, IGNORED) for tag in tags]
            tagged, known = tagged + len(tags), known + sum(tag in number for tag in tags)
            at = 0
            for part in _parts(subwords, room):
                ids: list[int] = []
                words = []
                for pieces in part:
                    words.append(encoder.single.start + len(ids) + _place(pieces, position, signs))
                    ids.extend(pieces)
                features.append(
                    {
                        **encoder.join(ids),
                        "example": i,
                        "words": words,
                        "tags": numbers[at : at + len(words)],
                        "bare_words": sum(pieces[0] in signs for pieces in part),
                    }
                )
                at += len(words)
        if tagged and not known:
            raise ValueError(
                f"{task.name}: none of {tagged} tags is a label of the model, which has {', '.join(task.labels)}; "
                "the rows are tagged in another scheme"
            )
        return features

    def counted(self, features: Sequence[Feature]) -> dict[str, int]:
        return {
            "words": sum(len(feature["words"]) for feature in features),
            "bare_words": sum(feature["bare_words"] for feature in features),
        }

    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return TokenHead(backbone.shape.hidden, len(task.labels), dropout)

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        labels = []
        for feature in features:
            row = [IGNORED] * len(feature["input_ids"])
            for position, tag in zip(feature["words"], feature["tags"], strict=False):
                row[position] = tag
            labels.append(row)
        is_word = [[0] * len(feature["input_ids"]) for feature in features]
        for row, feature in zip(is_word, features, strict=True):
            for position in feature["words"]:
                row[position] = 1
        return {
            **super().collate(features, pad_id),
            "labels": pad(labels, IGNORED),
            "is_word": pad(is_word, 0),
        }

    def num_loss_terms(self, features: Sequence[Feature]) -> int:
        return max(1, sum(tag != IGNORED for feature in features for tag in feature["tags"]))

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        return F.cross_entropy(output.flatten(0, 1), batch["labels"].flatten(), ignore_index=IGNORED, reduction="sum")

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        best = output.argmax(-1).cpu()
        is_word = batch["is_word"].bool().cpu()
        return [row[mask].tolist() for row, mask in zip(best, is_word, strict=True)]

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        ids = outputs.examples["id"][:]
        predictions: dict[str, list[str]] = {i: [] for i in ids}
        for example, numbers in zip(outputs.features["example"][:], outputs.values, strict=True):
            predictions[ids[example]].extend(task.labels[n] for n in numbers)
        return predictions

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        """Of entities `f1`, `precision` and `recall`; of words `accuracy` (CCG)."""
        gold = examples["tags"][:]
        if not any(gold):
            return {}
        found = [predictions[i] for i in examples["id"][:]]
        return {**entity_f1(found, gold), **accuracy_scores(list(chain(*found)), list(chain(*gold)))}

    def chance(self, train: Dataset, dev: Dataset) -> ChanceLevel | None:
        """Of words. They stand together, so their errors are larger than counted: what is called chance is narrower."""
        of_train, of_dev = ([tag for tag in chain(*rows["tags"][:]) if tag != IGNORED] for rows in (train, dev))
        return ChanceLevel.of_labels(of_train, of_dev)


def _place(pieces: Sequence[int], position: str, signs: SpaceSigns) -> int:
    """Which of a word's subwords has its tag."""
    if position == FIRST_VISIBLE:
        return next((k for k, piece in enumerate(pieces) if piece not in signs), 0)
    return len(pieces) - 1 if position == "last" else 0


def bare_share(sentences: Sequence[Sequence[str]], tokenizer: PreTrainedTokenizerBase) -> float:
    """The share of words whose first subword is a bare space sign."""
    signs = SpaceSigns(tokenizer)
    words = [pieces[0] in signs for subwords in _subwords(sentences, tokenizer) for pieces in subwords]
    return sum(words) / max(1, len(words))


def _subwords(sentences: Iterable[Sequence[str]], tokenizer: PreTrainedTokenizerBase) -> Iterator[list[list[int]]]:
    """Of each sentence the subword ids of each word, as the word has them in running text; a word that the tokenizer
    drops (only invisible characters) is unknown."""
    space = "" if marks_words(tokenizer) else " "
    for tokens in sentences:
        pieces: list[list[int]] = [[] for _ in tokens]
        words = [f"{space}{token}" if place else token for place, token in enumerate(tokens)]
        encoding = tokenizer(words, is_split_into_words=True, add_special_tokens=False, verbose=False)
        for word, piece in zip(encoding.word_ids(), encoding["input_ids"], strict=True):
            pieces[word].append(piece)
        yield [word or [tokenizer.unk_token_id] for word in pieces]


def _parts(words: list[list[int]], room: int) -> Iterator[list[list[int]]]:
    """`words` in runs of at most `room` subwords; only a single word longer than that is shortened."""
    part: list[list[int]] = []
    used = 0
    for word in words:
        word = word[:room]
        if part and used + len(word) > room:
            yield part
            part, used = [], 0
        part.append(word)
        used += len(word)
    if part:
        yield part
