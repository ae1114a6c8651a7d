"""From texts to what a backbone reads: subword ids and, where it has segments, the segment of each subword."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers.processors import TemplateProcessing
from transformers import BatchEncoding, PreTrainedTokenizerBase

from trainables.models.backbones import INPUT_NAMES, BackboneType, Layout, shape_of
from trainables.models.loading import ModelSource, load_backbone_type, load_config, load_tokenizer
from trainables.models.tokenizer_files import WrongTokenizer
from trainables.recipe.execution import Execution
from trainables.store import Store

Inputs = dict[str, list[int]]
"""One sequence: a value per subword for each of `Layout.input_names`."""
PROBES = ("a", "b")


@dataclass(frozen=True)
class Frame:
    """What a tokenizer puts around its texts: special tokens, and which segment each text is."""

    prefix: Inputs
    middle: Inputs
    """Between two texts; of one text it is empty."""
    suffix: Inputs
    segments: tuple[int, ...]
    """The segment of each text."""

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], names: Sequence[str]) -> Frame:
        """The frame that `tokenizer` gives one text or two, with the inputs `names`. Raises WrongTokenizer."""
        encoding = tokenizer(*texts, return_attention_mask=False, return_token_type_ids=len(names) > 1)
        inputs = {name: encoding[name] for name in names}
        sides = encoding.sequence_ids(0)
        where = [[place for place, side in enumerate(sides) if side == number] for number in range(len(texts))]
        if not all(where):
            raise WrongTokenizer(f"{tokenizer.name_or_path}: its tokenizer gives no subword for {list(texts)}")
        ends = [(places[0], places[-1] + 1) for places in where]

        def part(start: int, stop: int) -> Inputs:
            return {name: list(values[start:stop]) for name, values in inputs.items()}

        segments = inputs.get("token_type_ids", [0] * len(sides))
        return cls(
            prefix=part(0, ends[0][0]),
            middle=part(ends[0][1], ends[-1][0]),
            suffix=part(ends[-1][1], len(sides)),
            segments=tuple(segments[start] for start, _ in ends),
        )

    def __len__(self) -> int:
        """Special tokens of a sequence."""
        return sum(len(part["input_ids"]) for part in (self.prefix, self.middle, self.suffix))

    @property
    def start(self) -> int:
        """Position of the first subword of the first text."""
        return len(self.prefix["input_ids"])

    def start_of_second(self, first: int) -> int:
        """Position of the first subword of the second text, where the first text has `first` subwords."""
        return self.start + first + len(self.middle["input_ids"])

    def join(self, *texts: Sequence[int]) -> Inputs:
        """A sequence from the subword ids of each of its texts."""
        joined = {name: list(values) for name, values in self.prefix.items()}
        for number, (ids, segment) in enumerate(zip(texts, self.segments, strict=True)):
            inside = dict(zip(INPUT_NAMES, (ids, [segment] * len(ids)), strict=True))
            for name, values in joined.items():
                values.extend([*(self.middle[name] if number else ()), *inside[name]])
        return {name: [*values, *self.suffix[name]] for name, values in joined.items()}


class InputEncoder:
    """A tokenizer, and what its backbone reads of what it gives."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, layout: Layout) -> None:
        """Raises WrongTokenizer when it cannot be used with such a backbone."""
        self.tokenizer = tokenizer = laid_out(tokenizer, layout) if layout.own else tokenizer
        self.layout = layout
        name = tokenizer.name_or_path
        if not tokenizer.is_fast or tokenizer.pad_token_id is None:
            lack = (
                "cannot say where a subword lies in its text" if not tokenizer.is_fast else "has no token to pad with"
            )
            raise WrongTokenizer(f"{name}: its tokenizer {lack}; give a model that has a tokenizer.json of an encoder")
        self.single, self.pair = (Frame.of(tokenizer, PROBES[:count], layout.input_names) for count in (1, 2))
        # Other texts than those that the frames were read off, so that none of these hides in a frame.
        texts = list(reversed(PROBES))
        subwords = self.subwords(texts)
        for ours, theirs in ((self.join(subwords[0]), self(texts[0])), (self.join(*subwords), self(*texts))):
            if [ours] != theirs:
                raise WrongTokenizer(
                    f"{name}: its tokenizer gives {theirs[0]['input_ids']} for texts of which alone it gives "
                    f"{subwords}; give a model whose tokenizer puts special tokens around a text and between two"
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
        return self.single.join(first) if second is None else self.pair.join(first, second)


def laid_out(tokenizer: PreTrainedTokenizerBase, layout: Layout) -> PreTrainedTokenizerBase:
    """`tokenizer`, which puts special tokens around texts and between them as `layout` says.

    The layout's `{bos}` is there if the tokenizer puts it before a text of its own accord. What is given stays as it
    is: texts that shall be continued end without a token. Raises WrongTokenizer where there is no end of text.
    """
    name = tokenizer.name_or_path
    if not tokenizer.is_fast or tokenizer.eos_token is None:
        lack = (
            "no token for the end of a text" if tokenizer.is_fast else "no tokenizer.json that says where subwords lie"
        )
        raise WrongTokenizer(f"{name}: its tokenizer has {lack}; give a model that has one")
    begins = tokenizer(PROBES[0])["input_ids"][0] == tokenizer.bos_token_id is not None
    roles = {"bos": tokenizer.bos_token if begins else "", "eos": tokenizer.eos_token}
    ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in roles.values() if token]
    single, pair = (layout.template(two, roles).split() for two in (False, True))
    laid = copy.deepcopy(tokenizer)
    laid.backend_tokenizer.post_processor = TemplateProcessing(single=single, pair=pair, special_tokens=ids)
    return laid


def load_input_encoder(origin: ModelSource, store: Store, execution: Execution) -> InputEncoder:
    """The tokenizer of `origin`, with what its kind of encoder reads.

    Raises UnsupportedModel, and WrongTokenizer where the two do not belong together.
    """
    backbone_type = load_backbone_type(origin, store, execution)
    encoder = InputEncoder(load_tokenizer(origin, store, execution), backbone_type.layout)
    if (config := load_config(origin, store, execution)) is not None:
        _check(encoder, config, backbone_type)
    return encoder


def _check(encoder: InputEncoder, config: Mapping[str, Any], backbone_type: BackboneType) -> None:
    """Raises WrongTokenizer where ids, segments or padding of the tokenizer are none that the model knows, and
    UnsupportedModel where the configuration has no sizes."""
    tokenizer = encoder.tokenizer
    shape, padding = shape_of(config, tokenizer.name_or_path), backbone_type.padding(config)
    problem = None
    if len(tokenizer) > shape.vocabulary:
        problem = f"has {len(tokenizer)} subwords, and its model knows {shape.vocabulary}"
    elif padding not in (None, tokenizer.pad_token_id):
        problem = f"pads with {tokenizer.pad_token_id}, and its model counts positions by the padding {padding}"
    elif encoder.layout.segments and 0 < shape.types <= max(encoder.pair.segments):
        problem = f"gives a pair the segments {encoder.pair.segments}, and its model knows {shape.types}"
    if problem:
        raise WrongTokenizer(
            f"{tokenizer.name_or_path}: its tokenizer {problem}; give a model whose tokenizer and config.json belong "
            "together"
        )


def marks_words(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a word alone has the subwords that it has behind a space; else (as mmBERT's) it needs the space to have
    them."""
    apart = tokenizer(list(PROBES), is_split_into_words=True, add_special_tokens=False)["input_ids"]
    return bool(apart == tokenizer(" ".join(PROBES), add_special_tokens=False)["input_ids"])


def concatenated(sequences: Iterable[Inputs]) -> Inputs:
    """Several sequences as one, end to end."""
    first, *others = sequences
    return {name: [*values, *(value for other in others for value in other[name])] for name, values in first.items()}
