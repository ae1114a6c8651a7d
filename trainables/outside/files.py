"""Bytes from outside as text: UTF-8, with or without a byte order mark, and nothing else."""

from __future__ import annotations

import codecs
from pathlib import Path

from trainables.outside.text import Unreadable, shown

_OTHERS = {
    "UTF-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),  # before UTF-16, whose mark it begins with
    "UTF-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}
_LOOKED_AT = 4096
"""Bytes from the beginning in which zeros tell UTF-16 without a mark."""


def decoded(data: bytes, name: str) -> str:
    """The text of a file.

    Args:
        data: its bytes, in UTF-8; a byte order mark is left out.
        name: how the line calls it.

    Raises:
        Unreadable: it is in another encoding; the line says in which, as far as that can be told, and the mend.
    """
    for encoding, marks in _OTHERS.items():
        if data.startswith(marks):
            raise Unreadable(f"{name}: is {encoding}, which is not read; save it as UTF-8")
    if b"\0" in data[:_LOOKED_AT]:
        raise Unreadable(f"{name}: has zero bytes, as UTF-16 or a binary file has; give text in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + 3 * data.startswith(codecs.BOM_UTF8)  # counted after the mark
        line = data.count(b"\n", 0, start) + 1
        raise Unreadable(
            f"{name}: line {line}: is not UTF-8 (byte 0x{data[start]:02x}), but maybe Latin-1; save it as UTF-8"
        ) from None


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """All bytes of a file. `limit`: how many it may have.

    Raises:
        Unreadable: it is not there, is no file, cannot be read, or is larger.
    """
    missing = None
    try:
        if not path.is_file():
            missing = "is no file" if path.exists() else "there is no such file"
        else:
            with path.open("rb") as file:
                data = file.read(-1 if limit is None else limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a zero character
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Unreadable(f"{shown(str(path))}: cannot be read ({reason})") from None
    if missing is not None:
        raise Unreadable(f"{path}: {missing}")
    if limit is not None and len(data) > limit:
        raise Unreadable(
            f"{path}: has more than {limit:,} bytes, and none of its kind needs so many; is it the right file?"
        )
    return data


def read_text(path: Path, limit: int | None = None) -> str:
    """The text of a file; see `read_bytes` and `decoded`."""
    return decoded(read_bytes(path, limit), str(path))
