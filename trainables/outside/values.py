"""Bounds of every value that is read as YAML or JSON, whatever field it is for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from trainables.outside.text import Unreadable, shown

DEPTH = 32
"""Lists and mappings within each other, at most."""
NODES = 50_000
"""Values in all, those of an alias counted wherever it stands."""
LARGEST = 2**63 - 1
"""The largest whole number, and the smallest but for the sign."""


@dataclass(frozen=True)
class Refused:
    """Stands where a value cannot be used until `checked`, which knows the field that it is in, says so."""

    line: str


def whole(text: str) -> int | Refused:
    """The whole number that `text` writes, in bounds."""
    digits = text.replace("_", "")
    number = int(digits, 0) if len(digits) < 30 else LARGEST + 1
    if abs(number) > LARGEST:
        return Refused(f"{shown(text, 40)} is too large; whole numbers go up to {LARGEST:,}")
    return number


def finite(text: str) -> float | Refused:
    """The number that `text` writes, in bounds."""
    number = float(text.replace("_", ""))
    if not math.isfinite(number):
        return Refused(f"{shown(text, 40)} is no number that can be computed with; give a finite one")
    return number


def checked(value: Any, name: str, where: str = "", depth: int = 0) -> Any:
    """`value` made anew, so that no part of it is another part as well.

    Args:
        value: what a file or an option holds.
        name: how the line of an error calls that.
        where: the field within it, as the line writes it.

    Raises:
        Unreadable: it is nested too deep, has what was refused, or a text that no file or terminal takes.
    """
    if depth > DEPTH:
        raise Unreadable(f"{name}: is nested more than {DEPTH} deep; no field needs that")
    if isinstance(value, dict):
        return {
            checked(key, name, where, depth + 1): checked(
                item, name, f"{where}.{key}" if where else str(key), depth + 1
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [checked(item, name, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    place = f"{name}: {where}" if where else name
    if isinstance(value, Refused):
        raise Unreadable(f"{place}: {value.line}")
    wrong = next((one for one in value if _unwritable(one)), None) if isinstance(value, str) else None
    if wrong is not None:
        kind = "half a character" if "\ud800" <= wrong <= "\udfff" else "the control character"
        raise Unreadable(f"{place}: has {kind} {shown(wrong)[1:-1]} in {shown(value, 40)}; take it out")
    return value


def _unwritable(character: str) -> bool:
    """Control characters but for tab and the ends of lines, and halves of surrogate pairs."""
    return (
        (character < " " and character not in "\t\n\r")
        or "\x7f" <= character <= "\x9f"
        or "\ud800" <= character <= "\udfff"
    )
