"""Captions of images as plain text, and as pairs of two languages: what the controls of image-text learn from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import datasets

from trainables.recipe.tasks import SplitRef
from trainables.task_types import TaskType


def next_language(rows: SplitRef, all_rows: Sequence[SplitRef]) -> SplitRef:
    """Beside which rows of the same split those of a language stand: the next language's, the last one's beside the
    first one's. So every caption stands once on each side, and there are as many pairs as captions."""
    same = [one for one in all_rows if one.split == rows.split]
    return same[(same.index(rows) + 1) % len(same)]


def as_text(
    examples: datasets.Dataset, beside: datasets.Dataset | None, column: str, task_type: TaskType
) -> datasets.Dataset:
    """Rows of images and captions as rows of text.

    Args:
        beside: of pairs, the rows in another language; each caption is beside the first one there of the same image,
            and left out where there is none.
        column: that holds the image.
        task_type: whose columns the rows get.
    """
    others: dict[str, str] = {}
    for image, text in zip(beside[column][:], beside["text"][:], strict=True) if beside is not None else ():
        others.setdefault(_identity(image), text)
    rows = []
    for name, image, text in zip(examples["id"][:], examples[column][:], examples["text"][:], strict=True):
        other = others.get(_identity(image)) if beside is not None else ""
        if other is not None:
            rows.append({"id": name, "text": text, "translation": other})
    columns = {name: [row[name] for row in rows] for name in ("id", "text", "translation")}
    return datasets.Dataset.from_dict(columns, features=task_type.features())


def _identity(image: dict[str, bytes]) -> str:
    return hashlib.sha256(image["bytes"]).hexdigest()
