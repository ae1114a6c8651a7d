"""From texts to what a backbone reads: subword ids and, where it has segments, the segment of each subword."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from transformers import BatchEncoding, PreTrainedTokenizerBase

from trainables.failure import NonRetryable
from trainables.models.backbones import Layout
from trainables.models.loading import ModelSource, load_backbone_type, load_tokenizer
from trainables.recipe.execution import Execution
from trainables.store import Store

Inputs = dict[str, list[int]]
"""One sequence: a value per subword for each of `Layout.input_names`."""


class WrongTokenizer(NonRetryable, ValueError):
    """A tokenizer that does not lay sequences out as its backbone reads them."""


class InputEncoder:
    """A tokenizer, and how its backbone wants one text or a pair laid out."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, layout: Layout) -> None:
        """Raises WrongTokenizer when the tokenizer's own layout is another."""
        self.tokenizer, self.layout = tokenizer, layout
        self._special_ids = {"cls": tokenizer.cls_token_id, "sep": tokenizer.sep_token_id}
        first, second = self.subwords(["a", "b"])
        for ours, theirs in ((self.join(first), self("a")), (self.join(first, second), self("a", "b"))):
            if [ours] != theirs:
                raise WrongTokenizer(
                    f"{tokenizer.name_or_path}: its tokenizer gives {theirs[0]} where its backbone reads {ours}; "
                    "give a model whose tokenizer and config.json belong together"
                )

    def __call__(self, *texts: str | Sequence[str], **options: Any) -> list[Inputs]:
        """Encode texts, or texts and their second texts; `options` are those of transformers' tokenizers."""
        sides = [[text] if isinstance(text, str) else list(text) for text in texts]
        if not sides[0]:
            return []
        encoding = self.encode(*sides, **options)
        return [self.inputs(encoding, row) for row in range(len(sides[0]))]

    def encode(self, *texts: str | list[str], **options: Any) -> BatchEncoding:
        """The same with all that the tokenizer says, as offsets; `inputs` takes a row out of it."""
        return self.tokenizer(
            *texts, return_attention_mask=False, return_token_type_ids=self.layout.segments, **options
        )

    def inputs(self, encoding: BatchEncoding, row: int) -> Inputs:
        """One sequence of an encoding."""
        return {name: encoding[name][row] for name in self.layout.input_names}

    def subwords(self, texts: list[str]) -> list[list[int]]:
        """Subword ids of each text, without special tokens."""
        ids: list[list[int]] = self.tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
        return ids

    def join(self, first: Sequence[int], second: Sequence[int] | None = None) -> Inputs:
        """One text, or a pair, from subword ids."""
        return self.layout.join(self._special_ids, first, second)


def load_input_encoder(origin: ModelSource, store: Store, execution: Execution) -> InputEncoder:
    """The tokenizer of `origin`, with the layout of its kind of encoder.

    Raises UnsupportedModel, and WrongTokenizer where the two do not belong together.
    """
    backbone_type = load_backbone_type(origin, store, execution)
    return InputEncoder(load_tokenizer(origin, store, execution), backbone_type.layout)


def concatenated(sequences: Iterable[Inputs]) -> Inputs:
    """Several sequences as one, end to end."""
    first, *others = sequences
    return {name: [*values, *(value for other in others for value in other[name])] for name, values in first.items()}
