"""Bilingual dictionaries in files: a word and a translation a line, as MUSE (Conneau et al. 2018) and exports of PanLex
have them. A word with several translations has a line for each."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from trainables.outside.files import decoded, read_bytes
from trainables.outside.text import Unreadable, shown
from trainables.perturbations.text import lower

LARGEST = 64 * 2**20
"""Bytes of a dictionary, at most; the largest of MUSE has 3 MB."""
Entries = Mapping[str, tuple[str, ...]]
"""Translations in the order of the file, each once, by words as `key` writes them."""


def read_dictionary(path: Path, language: str) -> tuple[str, Entries]:
    """The sha256 of a dictionary's bytes, and what it says of words of `language`.

    In a line with a tab what stands before it is the word, and both may have several words; in others they have one
    each, and blanks between them. Empty lines say nothing.

    Raises:
        Unreadable: it is not there, is empty, or has another line.
    """
    data = read_bytes(path, LARGEST)
    found: dict[str, dict[str, None]] = {}
    for number, line in enumerate(decoded(data, str(path)).split("\n"), 1):
        if not line.strip():
            continue
        parts = [part.strip() for part in line.strip("\r ").split("\t")] if "\t" in line else line.split()
        if len(parts) != 2 or not all(parts):
            raise Unreadable(
                f"{path}: line {number}: is {shown(line.strip())}; expected a word, a tab or blank, and a translation"
            )
        word, translation = parts
        found.setdefault(key(word, language), {})[unicodedata.normalize("NFC", translation)] = None
    if not found:
        raise Unreadable(f"{path}: is empty; expected a word, a tab or blank, and a translation in each line")
    return hashlib.sha256(data).hexdigest(), {word: tuple(translations) for word, translations in found.items()}


def key(word: str, language: str) -> str:
    """A word without what does not tell it from others: its case."""
    return unicodedata.normalize("NFC", lower(word, language)).casefold()
