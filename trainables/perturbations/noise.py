"""Noise in words: each kind gives what becomes of a word, or None where nothing of it can be changed."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from trainables.perturbations.draw import Draw
from trainables.perturbations.keyboards import neighbours, rows_of
from trainables.perturbations.lookalikes import readings
from trainables.perturbations.text import Change, clusters, lower, script, upper

LEAST_SWAPPED = 4
"""Clusters of a word two of which are swapped: neither the first nor the last is."""
_MARKED = ("LATIN", "GREEK")
"""Scripts whose combining marks are diacritics, all of them."""
_STRESS = "\u0300\u0301"
"""In Cyrillic marks of stress, and beside them "ё" becomes "е". The breve of "й" and the dots of "ї" make letters."""


def mistyped(word: str, draw: Draw, layout: str | None = None, language: str = "") -> str | None:
    """One letter is that of a key beside it, on a layout (`keyboards`), or the keyboard of its script. Words of one
    letter stay."""
    letters = [lower(one, language) for one in word]
    keys = {
        place: neighbours(letter, script(one), layout)
        for place, (one, letter) in enumerate(zip(word, letters, strict=True))
        if len(letter) == 1
    }
    places = [place for place, near in keys.items() if near]
    if len(word) < 2 or not places:
        return None
    place = places[draw.below(len(places), "place")]
    new = keys[place][draw.below(len(keys[place]), "key")]
    capital = upper(new, language)
    return word[:place] + (capital if word[place].isupper() and len(capital) == 1 else new) + word[place + 1 :]


def misread(word: str, draw: Draw) -> str | None:
    """One letter, or two, are what a reader of print takes them for."""
    found = [
        (place, letters, others)
        for name in dict.fromkeys(map(script, word))
        for letters, others in readings(name).items()
        for place in range(len(word))
        if word.startswith(letters, place)
    ]
    if not found:
        return None
    place, letters, others = found[draw.below(len(found), "place")]
    return word[:place] + others[draw.below(len(others), "letters")] + word[place + len(letters) :]


def bare(word: str, draw: Draw) -> str | None:
    """All diacritics are dropped: of Latin and Greek all marks, of Cyrillic those of stress and the dots of "ё", of
    Arabic the harakat, of Hebrew the points. Marks that are part of a letter stay."""
    new, base = [], ""
    for character in word:
        if unicodedata.category(character)[0] == "L":
            base = script(character)
        new.append(_without_diacritics(character, base))
    dropped = "".join(new)
    return dropped if dropped != word else None


def _without_diacritics(character: str, base: str) -> str:
    """`base`: the script of the letter that it is, or stands on."""
    if base == "CYRILLIC" and character in "ёЁ":
        return "е" if character == "ё" else "Е"
    apart = unicodedata.normalize("NFD", character)
    kept = "".join(one for one in apart if not _is_diacritic(one, base))
    return character if kept == apart else unicodedata.normalize("NFC", kept)


def _is_diacritic(character: str, base: str) -> bool:
    if unicodedata.category(character) != "Mn":
        return False
    if base == "ARABIC":
        return "\u064b" <= character <= "\u0652" or character == "\u0670"
    if base == "HEBREW":
        return "\u0591" <= character <= "\u05c7"
    return base in _MARKED or (base == "CYRILLIC" and character in _STRESS)


def swapped(word: str, draw: Draw) -> str | None:
    """Two grapheme clusters side by side change places; never the first or the last."""
    parts = clusters(word)
    places = [i for i in range(1, len(parts) - 2) if parts[i] != parts[i + 1]]
    if len(parts) < LEAST_SWAPPED or not places:
        return None
    i = places[draw.below(len(places), "place")]
    return "".join((*parts[:i], parts[i + 1], parts[i], *parts[i + 2 :]))


def has_table(kind: str, script: str, layout: str | None = None) -> bool:
    """Whether a kind of noise can change words of a script, such as `THAI`, as far as it goes by a table of scripts.

    Args:
        layout: of the keyboard, where it is not the script's.
    """
    return {"keyboard": bool(rows_of(script, layout)), "ocr": bool(readings(script))}.get(kind, True)


NOISE: Mapping[str, Change] = {"keyboard": mistyped, "ocr": misread, "diacritics": bare, "swaps": swapped}
