"""Code-switching by dictionaries: words of a text become translations into other languages.

After CoSDA-ML (Qin et al. 2020, "CoSDA-ML: Multi-Lingual Code-Switching Data Augmentation for Zero-Shot Cross-Lingual
NLP"), which draws for each word whether it is switched, into which language, and by which of its translations. There it
makes training data, here test rows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from trainables.perturbations.dictionaries import Entries, key
from trainables.perturbations.draw import Draw
from trainables.perturbations.text import BLANKLESS, JOINERS, Edit, Span, clusters, overlaps, script, upper

_APOSTROPHES = "'’"
_ELIDING = ("fr", "it", "ca", "oc")
"""Languages in which what stands before an apostrophe is a word of its own: "l'eau"."""
_NOUNS = ("de", "lb")
"""Languages whose nouns have capitals, which no other language has."""
_ALWAYS_CAPITAL = {"en": ("I",)}
_ENDS = ".!?…"


class Switch:
    """Switches words of one language."""

    def __init__(self, language: str, into: Mapping[str, Entries], strength: float) -> None:
        """`into`: dictionaries of the language, by that of their translations; `strength`: the probability of each word
        that they have to be switched."""
        self.language, self.into, self.strength = language, into, strength

    def edits(self, text: str, draw: Draw, kept: Sequence[Span] = ()) -> tuple[list[Edit], int]:
        """Where words of a text are switched, and into what; and how many words it has.

        In scripts without blanks these are, from the left, the longest that a dictionary has, of two clusters or more,
        and the clusters between them. Where a word of a script with blanks comes to stand among them, there are blanks.

        Args:
            kept: spans of the text, no word of which is changed.
        """
        found, words, known = list[Edit](), 0, 0
        for start, end in self._words(text):
            word, words = text[start:end], words + 1
            translations = self._translations(word)
            if not translations or overlaps(start, end, kept):
                continue
            here, known = draw.within(known), known + 1
            if here.share("whether") < self.strength:
                new = self._drawn(word, translations, _begins_sentence(text, start), here)
                beside = bool(found) and found[-1][1] == start and found[-1][2][-1] == " "
                before = " " * (not beside and _runs_together(text[start - 1 : start], new[0]))
                behind = " " * _runs_together(text[end : end + 1], new[-1])
                found.append((start, end, before + new + behind))
        return found, words

    def word(self, word: str, begins: bool, draw: Draw) -> str:
        """What becomes of a word of a row that is a list of words: one word again, or itself.

        Args:
            begins: whether it begins a sentence.
        """
        one_word = {
            into: texts
            for into, all_texts in self._translations(word).items()
            if (texts := [one for one in all_texts if len(one.split()) == 1])
        }
        if not one_word or draw.share("whether") >= self.strength:
            return word
        return self._drawn(word, one_word, begins, draw)

    def _translations(self, word: str) -> dict[str, list[str]]:
        """By language; none that is the word itself, and none of a single cluster of a script without blanks: most of
        those are parts of words."""
        if script(word[0]) in BLANKLESS and len(clusters(word)) == 1:
            return {}
        wanted = key(word, self.language)
        found = {
            into: [one for one in entries.get(wanted, ()) if key(one, into) != wanted]
            for into, entries in self.into.items()
        }
        return {into: texts for into, texts in found.items() if texts}

    def _drawn(self, word: str, found: Mapping[str, Sequence[str]], begins: bool, draw: Draw) -> str:
        """One of the translations, with capitals where the word has them, and the translation has none of its own."""
        into = list(found)[draw.below(len(found), "into")]
        new = found[into][draw.below(len(found[into]), "translation")]
        if new != new.lower():
            return new
        if len(word) > 1 and word.isupper():
            return upper(new, into)
        own = self.language in _NOUNS or word in _ALWAYS_CAPITAL.get(self.language, ())
        return upper(new[0], into) + new[1:] if word[0].isupper() and (begins or not own) else new

    def _words(self, text: str) -> Iterator[Span]:
        for start, end in _runs(text):
            if script(text[start]) in BLANKLESS:
                yield from self._segments(text, start, end)
            elif end - start > 1 or text[end : end + 1] != ".":  # not an initial
                yield self._without_article(text, start, end), end

    def _segments(self, text: str, start: int, end: int) -> Iterator[Span]:
        places = [start]
        for cluster in clusters(text[start:end]):
            places.append(places[-1] + len(cluster))
        first = 0
        while first + 1 < len(places):
            last = first + 1
            for to in range(first + 1, len(places)):
                word = text[places[first] : places[to]]
                if key(word, self.language) not in self._beginnings:
                    break
                if self._translations(word):
                    last = to
            yield places[first], places[last]
            first = last

    @cached_property
    def _beginnings(self) -> set[str]:
        """Of words that dictionaries have."""
        return {word[:size] for entries in self.into.values() for word in entries for size in range(1, len(word) + 1)}

    def _without_article(self, text: str, start: int, end: int) -> int:
        """Where the word begins that stands there, maybe behind another that has lost its vowel."""
        if self.language in _ELIDING and not self._translations(text[start:end]):
            return max(start, *(text.rfind(sign, start, end) + 1 for sign in _APOSTROPHES))
        return start


def _runs(text: str) -> Iterator[Span]:
    """Where letters stand, with the marks, digits and apostrophes between them, of scripts either with blanks or
    without."""
    start, blankless = None, False
    for place, character in enumerate((*text, " ")):
        kind = unicodedata.category(character)[0]
        own = script(character) in BLANKLESS if kind in "LN" else blankless
        inside = kind in "LMN" or character in JOINERS
        if not inside and character in _APOSTROPHES:
            inside = start is not None and not blankless and text[place + 1 : place + 2].isalpha()
        if start is not None and (not inside or own != blankless):
            if any(map(str.isalpha, text[start:place])):
                yield start, place
            start = None
        if start is None and kind in "LN":
            start, blankless = place, own


def _begins_sentence(text: str, start: int) -> bool:
    while start and not text[start - 1].isalnum():
        start -= 1
        if text[start] in _ENDS:
            return True
    return start == 0


def _runs_together(outside: str, character: str) -> bool:
    """Whether what stands beside a new word, and the new word's character there, would be read as one word."""
    if not outside or unicodedata.category(outside)[0] not in "LMN":
        return False
    return not (script(outside) in BLANKLESS and script(character) in BLANKLESS)
