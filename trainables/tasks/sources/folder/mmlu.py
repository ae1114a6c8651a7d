"""MMLU and its translations in a data folder: as their releases, or snapshots of the hub, have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from trainables.tasks.sources import DataError, Row, mmlu_mappers
from trainables.tasks.sources.file_forms import parquet_records, read_table
from trainables.tasks.sources.folder.located import Located, NoFile, require_file
from trainables.tasks.task import Split, Task

_OF_RELEASE: Mapping[Split, str] = {"train": "auxiliary_train", "dev": "val", "test": "test", "shots": "dev"}
"""Folders of MMLU's release (`data.tar`)."""
COLUMNS = 6


def mmlu(folder: Path, task: Task, split: Split, language: str) -> Located:
    """`mmlu/test/anatomy_test.csv` and so on: question, four answers, letter; no header."""
    part = _OF_RELEASE[split]
    place = folder / "mmlu" / part
    files = tuple(sorted(place.glob("*.csv")))
    if not files:
        wanted = place / ("*.csv" if split == "train" else f"anatomy_{part}.csv")
        raise NoFile(
            f'{task.name}: no {split} rows in "{language}": there is no {wanted}; put MMLU\'s release there', [wanted]
        )
    return Located(files, lambda: [row for file in files for row in _released(file, part)])


def _released(file: Path, part: str) -> Iterable[Row]:
    subject = "" if part == "auxiliary_train" else file.stem.removesuffix(f"_{part}")
    for number, record in enumerate(read_table(file, quoted=True, header=False)):
        fields = list(record.values())
        if len(fields) != COLUMNS or fields[-1] not in mmlu_mappers.LETTERS:
            raise DataError(f"{file}, row {number + 1}: {len(fields)} columns; expected question, four answers, letter")
        yield {
            "id": f"{file.stem}:{number}",
            "prompt": fields[0],
            "choices": fields[1:-1],
            "label": str(mmlu_mappers.LETTERS.index(fields[-1])),
            **mmlu_mappers.about(subject),
        }


def mmmlu(folder: Path, task: Task, split: Split, language: str) -> Located:
    """`mmmlu/mmlu_DE-DE.csv`, by the code of its locale, or in `mmmlu/test`."""
    name = f"mmlu_{LOCALES.get(language, language)}.csv"
    file = require_file(task, split, language, folder / "mmmlu" / "test" / name, folder / "mmmlu" / name)
    columns = ("Question", *mmlu_mappers.LETTERS, "Answer", "Subject")
    return Located((file,), lambda: _mapped(read_table(file, columns, quoted=True), mmlu_mappers.mmmlu, file))


def global_mmlu(folder: Path, task: Task, split: Split, language: str) -> Located:
    """`global_mmlu/de/test-00000-of-00001.parquet`."""
    part = "dev" if split == "shots" else split
    file = require_file(task, split, language, folder / "global_mmlu" / language / f"{part}-00000-of-00001.parquet")
    return Located(
        (file,), lambda: _mapped((record for _, record in parquet_records(file)), mmlu_mappers.global_mmlu, file)
    )


def _mapped(
    records: Iterable[Mapping[str, Any]], mapper: Callable[[Mapping[str, Any]], Row], file: Path
) -> Iterable[Row]:
    for number, record in enumerate(records):
        try:
            yield {"id": str(number), **mapper(record)}
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise DataError(f"{file}, row {number + 1}: not in the form of this data set ({problem!r})") from None


LOCALES = {
    "ar": "AR-XY",
    "bn": "BN-BD",
    "de": "DE-DE",
    "es": "ES-LA",
    "fr": "FR-FR",
    "hi": "HI-IN",
    "id": "ID-ID",
    "it": "IT-IT",
    "ja": "JA-JP",
    "ko": "KO-KR",
    "pt": "PT-BR",
    "sw": "SW-KE",
    "yo": "YO-NG",
    "zh": "ZH-CN",
}
"""Of MMMLU's files, by language."""
