"""Images of a data step: each different one is decoded, resized and cropped once, and kept as pixels.

images/        one row for each image: `pixels` (uint8, height x width x 3, as bytes), `height`, `width`
features       of a row: `image` (its number in `images/`), `patches` (what its vision tower sees of it)

Rows in other languages, and other captions, of an image refer to the same pixels. Which images are the same is said by
the hash of their files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import datasets

from trainables.models.vision.preprocessing import UnreadableImage
from trainables.models.vision.tower import load_shape
from trainables.outside.text import shown
from trainables.recipe.execution import Execution
from trainables.recipe.vision import VisionTower
from trainables.store import Store
from trainables.task_types import TaskType
from trainables.tasks.sources import DataError

IMAGES = "images"
_FEATURES = {"pixels": "binary", "height": "int32", "width": "int32"}


class ImageTable:
    """The images of a data step, while it is made.

    Args:
        tower: says what they become.
    """

    def __init__(self, tower: VisionTower, execution: Execution) -> None:
        self.shape, self._preprocessing = load_shape(tower, execution)
        self._numbers: dict[bytes, int] = {}
        self._pixels: list[bytes] = []

    def __len__(self) -> int:
        return len(self._pixels)

    def numbered(
        self, examples: datasets.Dataset, features: Sequence[dict[str, Any]], column: str, where: str
    ) -> list[dict[str, Any]]:
        """`features` with the numbers of their images, which are taken in.

        Args:
            column: of `examples`, with the images.
            where: what an error names, before the row.

        Raises DataError: an image cannot be decoded, or a row lacks its image or its caption.
        """
        numbers = [
            self._number(image, text, f"{where}, row {row} (id {shown(name)})")
            for row, (name, image, text) in enumerate(
                zip(examples["id"][:], examples[column][:], examples["text"][:], strict=True), start=1
            )
        ]
        patches = self.shape.patches
        return [{**one, "image": numbers[one["example"]], "patches": patches} for one in features]

    def _number(self, image: dict[str, Any] | None, text: str, where: str) -> int:
        if image is None or not image["bytes"]:
            raise DataError(f"{where}: a caption without an image; add the image, or leave the row out")
        if not text.strip():
            raise DataError(f"{where}: an image without a caption; write one, or leave the row out")
        key = hashlib.sha256(image["bytes"]).digest()
        if key not in self._numbers:
            try:
                pixels = self._preprocessing.pixels(image["bytes"])
            except UnreadableImage as problem:
                raise DataError(f"{where}: the image {shown(image.get('path') or '')} {problem}") from None
            self._numbers[key] = len(self._pixels)
            self._pixels.append(pixels.tobytes())
        return self._numbers[key]

    def save(self, workdir: Path) -> None:
        """Write them beside the splits of a data step."""
        side = self.shape.image
        columns = {"pixels": self._pixels, "height": [side] * len(self), "width": [side] * len(self)}
        features = datasets.Features({name: datasets.Value(kind) for name, kind in _FEATURES.items()})
        datasets.Dataset.from_dict(columns, features=features).save_to_disk(str(workdir / IMAGES))


class Images:
    """The images of some data steps, mapped from disk, one after the other."""

    def __init__(self, store: Store, steps: Sequence[str]) -> None:
        tables = [datasets.load_from_disk(str(store.path(step) / IMAGES)) for step in steps]
        self._table = tables[0] if len(tables) == 1 else datasets.concatenate_datasets(tables)

    def __call__(self, features: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """`features` with the pixels of their images."""
        found = self._table[[feature["image"] for feature in features]]
        return [{**one, **{name: found[name][place] for name in _FEATURES}} for place, one in enumerate(features)]


Complete = Callable[[Sequence[dict[str, Any]]], list[dict[str, Any]]]
"""Adds to features what is kept apart from them."""


def completing(task_type: TaskType, store: Store, steps: Sequence[str]) -> Complete:
    """What the features of some data steps lack until they are read: the pixels of images, where they have any."""
    return list if task_type.image_column is None else Images(store, steps)


def images_before(store: Store, steps: Sequence[str]) -> list[int]:
    """Of each data step how many images those before it have; 0 where steps have none."""
    folders = [store.path(step) / IMAGES for step in steps]
    counts = [len(datasets.load_from_disk(str(folder))) if folder.is_dir() else 0 for folder in folders]
    return [0, *accumulate(counts[:-1])]
