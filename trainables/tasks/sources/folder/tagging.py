"""Tagged sentences: UD-POS and PAN-X as XTREME prepares them, and CCGbank's supertags."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from trainables.tasks.sources import DataError, Row
from trainables.tasks.sources.file_forms import has_tags, read_lines
from trainables.tasks.sources.folder.located import Located, NoFile, labelled_or_dev, require_file
from trainables.tasks.sources.folder.reading import read_tagged
from trainables.tasks.task import Split, Task

# The usual division of CCGbank (Hockenmaier and Steedman 2007): sections of the Wall Street Journal.
_CCG_SECTIONS = {"train": [f"{number:02}" for number in range(2, 22)], "dev": ["00"]}
# A leaf of a derivation: <L category modified-tag original-tag word predicate-argument-category>
_CCG_LEAF = re.compile(r"<L (\S+) \S+ \S+ (\S+) \S+>")


def tagged(folder: Path, task: Task, split: Split, language: str) -> Located:
    place = folder / task.name

    def read(file: Path) -> list[Row]:
        return read_tagged(file, task.labels, language)

    if split != "test":
        file = require_file(task, split, language, place / f"{split}-{language}.tsv")
        return Located((file,), lambda: read(file))
    dev, cuts = place / f"dev-{language}.tsv", sorted(place.glob(f"dev-{language}.*.tsv"))
    tests, has = [place / f"test-{language}.tsv"], partial(has_tags, labels=task.labels)
    found = labelled_or_dev(task, language, tests, [dev, *cuts], has, read)
    return replace(found, note=f"{found.note}; a cut of it") if found.files[0] in cuts else found


def ccg(folder: Path, task: Task, split: Split, language: str) -> Located:
    column = folder / "ccg" / f"ccg.{split}"
    if column.is_file():
        return Located((column,), lambda: _sentences(column))
    sections = _CCG_SECTIONS[split]
    places = (folder / place / "data" / "AUTO" / one for place in ("ccgbank", "ccgbank_1_1", "ccg") for one in sections)
    if files := tuple(file for place in places for file in sorted(place.glob("*.auto"))):
        return Located(files, lambda: _derivations(files), f"sections {sections[0]} to {sections[-1]}")
    raise NoFile(
        f'{task.name}: no {split} rows in "{language}": there is no {column} (a sentence, a tab and its tags a line) '
        f"and no ccgbank/data/AUTO/{sections[0]}/*.auto in {folder}; CCGbank is LDC2005T13 and has to be bought there",
        (folder / "ccgbank" / "data" / "AUTO" / sections[0], column),
    )


def _sentences(file: Path) -> list[Row]:
    """Rows of the authors' toolkit's own form: words with blanks between, a tab, as many tags."""
    rows: list[Row] = []
    for number, line in enumerate(read_lines(file), start=1):
        words, _, tags = (part.split() for part in line.partition("\t"))
        if len(words) != len(tags) or not words:
            raise DataError(f"{file}, line {number}: {len(words)} words and {len(tags)} tags; expected one tag a word")
        rows.append({"id": str(len(rows)), "tokens": words, "tags": tags})
    return rows


def _derivations(files: Iterable[Path]) -> list[Row]:
    """Rows of CCGbank's own files: a line with the sentence's ID, then its derivation."""
    rows: list[Row] = []
    for file in files:
        name = ""
        for number, line in enumerate(read_lines(file), start=1):
            if line.startswith("ID="):
                name = line.removeprefix("ID=").split()[0]
            elif leaves := _CCG_LEAF.findall(line):
                tags, words = zip(*leaves, strict=True)
                rows.append({"id": name, "tokens": list(words), "tags": list(tags)})
            elif line.strip():
                raise DataError(f"{file}, line {number}: neither an ID nor a derivation of CCGbank")
    return rows
