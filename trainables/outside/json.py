"""JSON, read strictly: no key twice, no NaN, numbers and depth in bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainables.outside.files import read_text
from trainables.outside.text import Unreadable, shown
from trainables.outside.values import Refused, checked, finite, whole


class NotJson(Unreadable):
    """It is no JSON at all."""


def parse_json(text: str, name: str) -> Any:
    """What `text` holds, which is JSON.

    Args:
        text: of a whole file, or of one line of one.
        name: how the line of an error calls it.

    Raises:
        NotJson: it is no JSON.
        Unreadable: a key stands there twice, or a value is out of bounds (`trainables.outside.values`).
    """

    try:
        value = json.loads(text, object_pairs_hook=_mapping, parse_int=whole, parse_float=finite, parse_constant=finite)
    except RecursionError:
        raise Unreadable(f"{name}: is nested too deep; no field needs that") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"{name}: line {error.lineno}: not valid JSON ({error.msg})") from None
    return checked(value, name)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Refused:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [key for key, _ in pairs]
    double = next(key for key in names if names.count(key) > 1)
    return Refused(f"the key {shown(double)} stands twice; leave one of them out")


def read_json(path: Path, limit: int | None = None) -> Any:
    """What a JSON file holds; `limit`: how many bytes it may have. Raises Unreadable."""
    return parse_json(read_text(path, limit), str(path))
