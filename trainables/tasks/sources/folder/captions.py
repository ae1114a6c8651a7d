"""Images with captions in several languages: image files, or one sheet of them, and a table of captions by language.

    FOLDER/captions/LANGUAGE.tsv     id, caption and maybe more words of it (divided by " | "), with tabs between
    FOLDER/images/ID.png             or .jpg, .jpeg, .webp; or, in place of image files,
    FOLDER/SHEET.png                 small images in rows and columns, and
    FOLDER/INDEX.tsv                 the id of each, and its column and row on the sheet

Which images are dev and test images is decided by a hash of their ids: the same in every language, so no test image was
seen with a caption in another language.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from trainables.outside.text import shown
from trainables.tasks.sources import DataError, Row, split_by
from trainables.tasks.sources.file_forms import read_lines, read_table, unreadable
from trainables.tasks.sources.folder.located import Located, NoFile, require_file
from trainables.tasks.task import Split, Task

ENDS = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Sheet:
    """Images on one sheet.

    Attributes:
        image: its file.
        index: the table of what is on it, with a header.
        columns: of the table: id, column and row on the sheet.
        side: height and width of an image, in pixels.
        border: pixels around each.
    """

    image: str
    index: str
    columns: tuple[str, str, str]
    side: int
    border: int


@dataclass(frozen=True)
class CaptionedImages:
    """A `Finder` over such a folder.

    Attributes:
        folder: its name in the data folder.
        captions: the folder of the tables.
        sheet: where images are on one; None: they are files.
    """

    folder: str
    captions: str = "captions"
    sheet: Sheet | None = None

    def __call__(self, folder: Path, task: Task, split: Split, language: str) -> Located:
        place = folder / self.folder
        table = require_file(task, split, language, place / self.captions / f"{language}.tsv")
        note = "images held out by a hash of their ids"
        if self.sheet is not None:
            sheet, index = (place / name for name in (self.sheet.image, self.sheet.index))
            for file in (sheet, index):
                require_file(task, split, language, file)
            return Located((table, sheet, index), lambda: self._rows(table, split, self._cells(place)), note)
        captions = {name for name, _ in _captions(table, split)}
        found = {name: _image_file(place / "images", name) for name in sorted(captions)}
        files = {name: file for name, file in found.items() if file is not None}
        if not files:
            raise NoFile(
                f"{task.name}: {place / 'images'} has no image of {table}; put ID{ENDS[0]} there, or a sheet",
                (place / "images",),
            )
        return Located((table, *files.values()), lambda: self._rows(table, split, _Files(files)), note)

    def _cells(self, place: Path) -> Mapping[str, bytes]:
        assert self.sheet is not None
        files = [place / self.sheet.image, place / self.sheet.index]
        return _cut(self.sheet, *files, *(file.stat().st_mtime_ns for file in files))

    def _rows(self, table: Path, split: Split, images: Mapping[str, bytes]) -> Iterator[Row]:
        for name, text in _captions(table, split):
            image = images.get(name)
            if image is None:
                raise DataError(f"{table}: {shown(name)} is a caption without an image; add it, or leave the line out")
            yield {"id": name, "image": {"bytes": image, "path": name}, "text": text}


class _Files(dict[str, bytes]):
    """The bytes of image files by id, read when they are asked for."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        super().__init__()
        self._files = files

    def get(self, name: str, default: bytes | None = None) -> bytes | None:  # type: ignore[override]
        file = self._files.get(name)
        try:
            return default if file is None else file.read_bytes()
        except OSError as problem:
            assert file is not None
            raise unreadable(file, problem) from None


def _captions(table: Path, split: Split) -> Iterator[tuple[str, str]]:
    """Ids and captions of a split; further words of a caption follow it, each once, after a colon."""
    for number, line in enumerate(read_lines(table), start=1):
        name, tab, rest = line.partition("\t")
        caption, _, more = rest.partition("\t")
        if not (tab and name.strip() and caption.strip()):
            raise DataError(f"{table}, line {number}: {shown(line)}; write the id of an image, a tab, and its caption")
        if split_by(name) == split:
            words = [word for word in dict.fromkeys(map(str.strip, more.split(" | "))) if word and word != caption]
            yield name, f"{caption}: {', '.join(words)}" if words else caption


def _image_file(folder: Path, name: str) -> Path | None:
    if "/" in name or "\\" in name or name.startswith("."):
        return None
    return next((file for end in ENDS if (file := folder / f"{name}{end}").is_file()), None)


@lru_cache(maxsize=4)
def _cut(sheet: Sheet, image: Path, index: Path, *changed: int) -> Mapping[str, bytes]:
    """The images of a sheet by id, as PNG. `changed`: when the files did, so that new ones are read again."""
    from PIL import Image, UnidentifiedImageError

    name, column, row = sheet.columns
    found = {}
    try:
        with Image.open(image) as opened:
            whole = opened.convert("RGBA")
    except UnidentifiedImageError:
        raise DataError(f"{image}: is no image that can be decoded; fetch it again") from None
    except (OSError, ValueError) as problem:
        raise DataError(f"{image}: cannot be decoded ({shown(str(problem), 80)}); fetch it again") from None
    step = sheet.side + 2 * sheet.border
    for number, record in enumerate(read_table(index, sheet.columns), start=2):
        try:
            left, top = (int(record[where]) * step + sheet.border for where in (column, row))
        except ValueError:
            raise DataError(f"{index}, line {number}: {column} and {row} are whole numbers; mend the line") from None
        if min(left, top) < 0 or left + sheet.side > whole.width or top + sheet.side > whole.height:
            raise DataError(f"{index}, line {number}: lies outside of {image.name}; do both belong together?")
        file = io.BytesIO()
        whole.crop((left, top, left + sheet.side, top + sheet.side)).save(file, "PNG")
        found[record[name]] = file.getvalue()
    return found


def multi30k(folder: Path, task: Task, split: Split, language: str) -> Located:
    """Multi30k's task 1 as its repository has it (`raw/`, unpacked, `image_splits/`), with Flickr30k's `images/`."""
    name = {"train": "train", "dev": "val", "test": "test_2016_flickr"}[split]
    place = folder / "multi30k"
    table = require_file(task, split, language, place / "raw" / f"{name}.{language}")
    index = require_file(task, split, language, place / "image_splits" / f"{name}.txt")
    names = [line.partition("#")[0].strip() for line in read_lines(index)]
    files = {name: file for name in names if (file := place / "images" / name).is_file()}

    def read() -> Iterator[Row]:
        captions = read_lines(table)
        if len(captions) != len(names):
            raise DataError(
                f"{table} has {len(captions)} lines, {index} {len(names)}; each caption has its image there"
            )
        images = _Files(files)
        for number, (name, text) in enumerate(zip(names, captions, strict=True), start=1):
            if (image := images.get(name)) is None:
                raise DataError(f"{index}, line {number}: there is no {place / 'images' / name}; put the image there")
            yield {"id": name, "image": {"bytes": image, "path": name}, "text": text.strip()}

    return Located((table, index, *files.values()), read)
