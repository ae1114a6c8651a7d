"""Which characters of a text each of its subwords stands for.

A tokenizer says of each subword from where to where it reaches in the text as it was given. Three things stand between
that and what a reader sees:

- A subword begins with the white space before its word, or has it as a subword of its own: the *bare space sign*. Where
  the sign was put before a word, the tokenizer says that it lies on the word's first character.
- What a normaliser joins, drops or takes apart is counted for one subword only, or for none: of an "é" in two
  characters the second is no subword's.
- A character of several subwords (bytes, or "½" as "1⁄2") is counted for each of them.

Here white space is nobody's, a bare space sign is empty, and a mark that no subword has belongs to the subword before
it. Invisible characters that no subword has (directions, joiners) stay nobody's: a text is the same without them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

METASPACE = "▁"
"""What SentencePiece writes for a space."""


class SpaceSigns:
    """The subwords of a tokenizer that are white space and nothing else: `subword id in SpaceSigns(tokenizer)`."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._known: dict[int, bool] = {}

    def __contains__(self, subword: object) -> bool:
        assert isinstance(subword, int)
        if subword not in self._known:
            text: str = self._tokenizer.convert_ids_to_tokens(subword)
            # Only its decoder knows how a tokenizer writes bytes: "Ġ" is a space in one, and a letter in another.
            if (decoder := self._tokenizer.backend_tokenizer.decoder) is not None:
                text = decoder.decode([text])
            self._known[subword] = not text.replace(METASPACE, " ").strip()
        return self._known[subword]


@dataclass(frozen=True)
class Located:
    """A text as subwords (ids), and the characters that each of them stands for: `text[starts[i] : ends[i]]`."""

    subwords: list[int]
    starts: list[int]
    ends: list[int]

    def covering(self, start: int, end: int) -> tuple[int, int] | None:
        """The first and the last of the fewest subwords that cover the characters from `start` to `end`: all that have
        a part of them. None where none has."""
        places = enumerate(zip(self.starts, self.ends, strict=True))
        inside = [i for i, (a, b) in places if a < b and a < end and b > start]
        return (inside[0], inside[-1]) if inside else None


def located(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[Located]:
    """Each text as subwords, without special tokens, and where they are in it."""
    if not texts:
        return []
    encoding = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    signs = SpaceSigns(tokenizer)
    return [_located(*row, signs) for row in zip(texts, encoding["input_ids"], encoding["offset_mapping"], strict=True)]


def _located(text: str, subwords: list[int], offsets: list[tuple[int, int]], signs: Container[int]) -> Located:
    trimmed = [_without_spaces(text, *pair) for pair in offsets]
    starts, ends = [start for start, _ in trimmed], [end for _, end in trimmed]
    _empty_signs(subwords, starts, ends, signs)
    _give_away_gaps(text, starts, ends)
    return Located(subwords, starts, ends)


def _without_spaces(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _empty_signs(subwords: list[int], starts: list[int], ends: list[int], signs: Container[int]) -> None:
    """A space sign that was put before a word loses the character that it shares with the word."""
    next_start = -1
    for i in reversed(range(len(subwords))):
        if starts[i] == ends[i]:
            continue
        if starts[i] == next_start and subwords[i] in signs:
            ends[i] = starts[i]
        else:
            next_start = starts[i]


def _give_away_gaps(text: str, starts: list[int], ends: list[int]) -> None:
    """Characters between subwords go to the subword before them or, after white space, to the one behind them."""
    reach, last = 0, list[int]()  # where the subwords so far end, and which of them end there
    for i in range(len(starts)):
        if starts[i] == ends[i]:
            continue
        if starts[i] > reach:
            before, starts[i] = _gap(text, reach, starts[i], bool(last))
            for j in last:
                ends[j] = before
        if ends[i] > reach:
            reach, last = ends[i], []
        if ends[i] == reach:
            last.append(i)
    before, _ = _gap(text, reach, len(text), bool(last))
    for j in last:
        ends[j] = before


def _gap(text: str, start: int, end: int, preceded: bool) -> tuple[int, int]:
    """Of characters that no subword has: the end of those that belong to what is before them, and the start of those
    that belong to what is behind them."""
    before = start
    while preceded and before < end and not text[before].isspace():
        before += 1
    after = end
    while after > before and not text[after - 1].isspace():
        after -= 1
    while before > start and _is_invisible(text[before - 1]):
        before -= 1
    while after < end and _is_invisible(text[after]):
        after += 1
    return before, after


def _is_invisible(character: str) -> bool:
    """Whether it is a control or format character."""
    return unicodedata.category(character) in ("Cc", "Cf")
