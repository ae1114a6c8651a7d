"""Images of rows, as encoded bytes: given by a path, within the row as base64, or as `datasets.Image` writes them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trainables.outside.text import shown
from trainables.tasks.sources import WrongValue

_DATA = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
LARGEST = 50 * 2**20
"""Bytes of an image, at most."""
_MEND = "write the path of an image, data:image/png;base64,..., or the bytes as datasets.Image has them"


def image_of(value: object, folder: Path | None) -> dict[str, Any]:
    """An image as `datasets.Image` keeps it: `bytes`, and the `path` that it comes from, if any. It is not decoded.

    Args:
        folder: where relative paths begin; None: no files are read.

    Raises:
        WrongValue: it is none, or a file that cannot be read.
    """
    if isinstance(value, Mapping) and isinstance(value.get("bytes"), bytes) and value["bytes"]:
        return {"bytes": value["bytes"], "path": value.get("path")}
    if isinstance(value, Mapping):  # bytes that stand elsewhere, or nowhere
        value = value.get("path")
    if value is None or value == "":
        raise WrongValue(f" is {shown(value)}: a caption without an image; {_MEND}, or leave the row out")
    if not isinstance(value, str):
        raise WrongValue(f" is {shown(value)}, and an image belongs there; {_MEND}")
    if match := _DATA.match(value[:64]):
        try:
            return {"bytes": base64.b64decode(value[match.end() :], validate=True), "path": None}
        except (binascii.Error, ValueError):
            raise WrongValue(f" is {shown(value, 60)}, and that is no base64; {_MEND}") from None
    if folder is None:
        raise WrongValue(f" is {shown(value)}, a path, and no files belong to these rows; {_MEND}")
    file = folder / value
    try:
        if file.stat().st_size > LARGEST:
            raise WrongValue(f": {file} has more than {LARGEST:,} bytes; give a smaller image")
        return {"bytes": file.read_bytes(), "path": value}
    except (OSError, ValueError) as error:
        if isinstance(error, WrongValue):
            raise
        why = getattr(error, "strerror", None) or str(error)
        raise WrongValue(f" is {shown(value)}, and {shown(str(file))} cannot be read ({why}); put it there") from None


def image_paths(values: Iterable[object], folder: Path) -> tuple[Path, ...]:
    """The files that images of rows lie in, each once, as far as they are there: they belong to the rows' bytes."""
    found: dict[Path, None] = {}
    for value in values:
        if isinstance(value, Mapping):
            value = value.get("path") if not value.get("bytes") else None
        if isinstance(value, str) and value and not _DATA.match(value[:64]) and "\0" not in value:
            found[folder / value] = None
    return tuple(file for file in found if file.is_file())
