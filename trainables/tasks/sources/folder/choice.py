"""Multiple choice: HellaSwag, Cosmos QA, CommonsenseQA, Social IQa, COPA and XCOPA."""

from __future__ import annotations

import bz2
from functools import partial
from pathlib import Path

from trainables.tasks.sources import DataError, Row, part, record_mappers
from trainables.tasks.sources.file_forms import decoded, read_table, unreadable
from trainables.tasks.sources.folder.located import Finder, Located, held_out_note, require_file
from trainables.tasks.sources.folder.reading import read_json_lines
from trainables.tasks.task import Split, Task

DEV_DEV = 0.1  # of the passages
_HELLASWAG_TEXT = "hellaswag_val_full.txt.bz2"


def hellaswag(folder: Path, task: Task, split: Split, language: str) -> Located:
    place = folder / "hellaswag"
    release = place / f"hellaswag_{'val' if split == 'dev' else split}.jsonl"
    text = place / _HELLASWAG_TEXT
    if split == "dev" and text.is_file() and not release.is_file():
        return Located(
            (text,), lambda: _hellaswag_text(text), "as text: the prompt is the whole context, with its topic"
        )
    file = require_file(task, split, language, release)
    return Located((file,), lambda: read_json_lines(file, record_mappers.hellaswag))


def _hellaswag_text(file: Path) -> list[Row]:
    """Rows of the validation set as six lines each: context, number of the right ending, four endings."""
    try:
        text = decoded(bz2.decompress(file.read_bytes()), file)
    except (OSError, ValueError) as problem:
        raise problem if isinstance(problem, DataError) else unreadable(file, problem) from None
    lines = [line.strip() for line in text.split("\n")]
    lines = lines[:-1] if not lines[-1] else lines
    if len(lines) % 6:
        raise DataError(f"{file}: {len(lines)} lines; expected six for every example")
    return [
        {
            "id": str(start // 6),
            "prompt": lines[start],
            "group": lines[start],
            "choices": lines[start + 2 : start + 6],
            "label": lines[start + 1],
            "query": lines[start],
            "endings": lines[start + 2 : start + 6],
        }
        for start in range(0, len(lines), 6)
    ]


def cosmosqa(folder: Path, task: Task, split: Split, language: str) -> Located:
    file = require_file(task, split, language, folder / "cosmosqa" / f"{'valid' if split == 'dev' else split}.csv")
    columns = ("id", "context", "question", "answer0", "answer1", "answer2", "answer3", "label")
    return Located(
        (file,), lambda: [record_mappers.cosmosqa(record) for record in read_table(file, columns, quoted=True)]
    )


def commonsenseqa(folder: Path, task: Task, split: Split, language: str) -> Located:
    name = f"{split}_rand_split.jsonl"
    old = folder / "commonsenseqa_v1.0" / name
    file = require_file(task, split, language, folder / "commonsenseqa" / name, old)
    return Located(
        (file,), lambda: read_json_lines(file, record_mappers.commonsenseqa), "v1.0: three choices" * (file == old)
    )


def siqa(folder: Path, task: Task, split: Split, language: str) -> Located:
    name = f"socialIQa_v1.4_{'trn' if split == 'train' else split}.jsonl"
    file = require_file(task, split, language, folder / "siqa" / name, folder / "siqa" / "socialIQa_v1.4" / name)
    return Located((file,), lambda: read_json_lines(file, record_mappers.siqa))


def copa(folder: Path, task: Task, split: Split, language: str) -> Located:
    part = "val" if split in ("dev", "shots") else split
    xcopa, copa = folder / "xcopa", folder / "copa_en" / f"{part}-en.jsonl"
    # XTREME-R's download script writes a dot before the language, its reader wants a dash.
    places = [xcopa / f"{part}.{language}.jsonl", xcopa / f"{part}-{language}.jsonl"]
    file = require_file(task, split, language, *places, *([copa] if language == "en" else []))
    return Located((file,), lambda: read_json_lines(file, partial(record_mappers.copa, language=language)))


def dev_of(finder: Finder) -> Finder:
    """The dev set of a task as training data of a stand-in, a part of its passages held out as dev."""

    def find(folder: Path, task: Task, split: Split, language: str) -> Located:
        found = finder(folder, task, "dev", language)
        notes = (found.note, held_out_note(split, "passages"))
        return Located(found.files, lambda: part(found.read(), split, DEV_DEV), "; ".join(filter(None, notes)))

    return find
