"""Text as its writers see it: words, and in words grapheme clusters.

A word is a run of letters and marks. In scripts without spaces (Han, kana, Thai, Lao, Khmer, Burmese) it is all that
stands between two signs that are no letters. A cluster is a letter with all that belongs to it, so that none is torn
apart: its marks, in Indic scripts letters joined by a virama, in Thai and Lao vowels written before or behind (after
Unicode Standard Annex 29, whose table for Thai and Lao knows the vowels behind alone).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from trainables.perturbations.draw import Draw

Change = Callable[[str, Draw], str | None]
"""What becomes of a word; None where nothing of it can be changed."""
Span = tuple[int, int]
Edit = tuple[int, int, str]
"""Where something stands, and what it becomes."""
JOINERS = "\u200c\u200d"
_VOWELS_BEFORE = "เแโใไເແໂໃໄ"
_VOWELS_BEHIND = "ะาำຳະາ"
BLANKLESS = ("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "THAI", "LAO", "KHMER", "MYANMAR")
"""Scripts without blanks between words, as `script` calls them."""
_DOTTED = ("tr", "az")
"""Languages in which "i" and "ı" are two letters, with capitals of their own."""
_VIRAMA = 9
"""Canonical combining class of the viramas."""


def words(text: str) -> Iterator[Span]:
    """Where words stand in a text: the first character, and the one behind the last."""
    start = None
    for place, character in enumerate(text):
        kind = unicodedata.category(character)[0]
        if start is None:
            start = place if kind == "L" else None
        elif kind not in "LM" and character not in JOINERS:
            yield start, place
            start = None
    if start is not None:
        yield start, len(text)


def clusters(word: str) -> list[str]:
    """The grapheme clusters of a word, in order; joined they are the word."""
    found: list[str] = []
    for character in word:
        joins = bool(found) and (
            unicodedata.category(character)[0] == "M"
            or character in JOINERS
            or character in _VOWELS_BEHIND
            or unicodedata.combining(found[-1][-1]) == _VIRAMA
            or found[-1][-1] in JOINERS[1]
            or found[-1] in _VOWELS_BEFORE
        )
        if joins:
            found[-1] += character
        else:
            found.append(character)
    return found


@cache
def script(character: str) -> str:
    """The script of a letter or mark, as Unicode names it: `LATIN`, `CYRILLIC`, `DEVANAGARI`; "" where it has none."""
    return unicodedata.name(character, "").partition(" ")[0]


def lower(text: str, language: str) -> str:
    """A text of a language in small letters."""
    return (text.replace("I", "ı").replace("İ", "i") if language in _DOTTED else text).lower()


def upper(text: str, language: str) -> str:
    """A text of a language in capitals."""
    return (text.replace("i", "İ") if language in _DOTTED else text).upper()


def edits_of(text: str, change: Change, strength: float, draw: Draw, kept: Sequence[Span] = ()) -> Iterator[Edit]:
    """What becomes of some of the words of a text.

    Args:
        strength: the probability of each word that it is changed, if it can be.
        kept: spans of the text, no word of which is changed.
    """
    for number, (start, end) in enumerate(words(text)):
        here = draw.within(number)
        if here.share("whether") >= strength or overlaps(start, end, kept):
            continue
        if (new := change(text[start:end], here)) is not None:
            yield start, end, new


def overlaps(start: int, end: int, spans: Sequence[Span]) -> bool:
    """Whether what stands from `start` to `end` has a part in one of the spans."""
    return any(start < b and a < end for a, b in spans)


def edited(text: str, edits: Iterable[Edit]) -> tuple[str, list[tuple[int, int]]]:
    """The text with other words at some places, given in their order.

    Returns:
        The text, and of each place where it ended in the old text, and by how much it has grown.
    """
    parts, grown, done = [], [], 0
    for start, end, new in edits:
        parts += [text[done:start], new]
        grown.append((end, len(new) - (end - start)))
        done = end
    return "".join((*parts, text[done:])), grown
