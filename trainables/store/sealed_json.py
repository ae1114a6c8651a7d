"""Notes of the store (records, states): JSON that carries a digest of itself, so that no damaged one is believed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from trainables.outside.text import shown

DIGEST = "digest"


class Damaged(ValueError):
    """A note or what it lists is not what was written; the message says what was found."""


def seal(note: dict[str, Any]) -> bytes:
    """The bytes of a note, its digest in it."""
    plain = json.loads(json.dumps({key: value for key, value in note.items() if key != DIGEST}))
    return json.dumps({**plain, DIGEST: _digest(plain)}, indent=1, sort_keys=True).encode()


def unseal(data: bytes, path: str, fields: Mapping[str, type] = MappingProxyType({})) -> dict[str, Any]:
    """The note in `data`, which is what `path` holds.

    Args:
        fields: what it must have, by type. Notes of earlier versions have no digest, so these are looked at.

    Raises:
        Damaged: it is no such note, or not as it was written.
    """
    try:
        note = json.loads(data)
    except ValueError as error:
        raise Damaged(f"{path}: not readable as JSON ({error})") from None
    except RecursionError:
        raise Damaged(f"{path}: not readable as JSON (nested too deep)") from None
    if not isinstance(note, dict):
        raise Damaged(f"{path}: no note, but {shown(note, 20)}")
    digest = note.pop(DIGEST, None)
    if digest is not None and digest != _digest(note):
        raise Damaged(f"{path}: its content is not what its digest was made of")
    for name, kind in fields.items():
        if not isinstance(note.get(name), kind):
            raise Damaged(f"{path}: its {name} is {shown(note.get(name), 20)}, which no note of the store has")
    return note


def compare(listed: dict[str, int], found: dict[str, int], path: str) -> None:
    """Raises Damaged where a file (name -> bytes) below `path` is not found as it is listed.

    Sizes only: what cuts writes off (a crash, a full disk, a broken upload) shows in them, and a look at them costs one
    listing, where a digest would read every checkpoint of a sweep again before a run may begin.
    """
    for name, size in sorted(listed.items()):
        if name not in found:
            raise Damaged(f"{path}/{name}: missing, its record lists {size} bytes")
        if found[name] != size:
            raise Damaged(f"{path}/{name}: {found[name]} bytes, its record lists {size}")


def _digest(note: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(note, sort_keys=True).encode()).hexdigest()
