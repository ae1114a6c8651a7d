"""Keeping evaluation data out of the text that a model is pretrained on.

Two sentences are the same when their letters and digits are, whatever the case, the spaces and the punctuation. A row
of text goes when any of its sentences, or the whole of it, is a sentence or a whole text of the evaluation data.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import datasets

_NO_LETTER = re.compile(r"[\W_]+")
_END = re.compile(r"(?<=[.!?。！？؟।])\s*|\n+")


class Seen:
    """The sentences of some evaluation data, and how many rows of text held one."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.found = 0

    def add(self, examples: datasets.Dataset, columns: Iterable[str]) -> None:
        """Take in the texts of evaluation rows that stand in `columns`."""
        for name in columns:
            column = examples[name][:]
            # A passage stands in many rows: once is enough.
            for text in {" ".join(value) if isinstance(value, list) else value for value in column}:
                self.keys.update(sentence_keys(text))

    def without(self, examples: datasets.Dataset) -> datasets.Dataset:
        """The rows of text (columns `text` and `translation`) that hold nothing of the evaluation data."""
        if not self.keys:
            return examples
        pairs = zip(examples["text"][:], examples["translation"][:], strict=True)
        clear = [
            number for number, pair in enumerate(pairs) if not any(self.keys & sentence_keys(side) for side in pair)
        ]
        self.found += len(examples) - len(clear)
        return examples.select(clear)


@lru_cache(maxsize=2**20)
def sentence_keys(text: str) -> frozenset[str]:
    """The text as a whole and each of its sentences, as letters and digits alone."""
    parts = {text, *_END.split(text)}
    return frozenset(_NO_LETTER.sub("", unicodedata.normalize("NFKC", part).casefold()) for part in parts) - {""}
