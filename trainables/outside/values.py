"""Bounds of every value that is read as YAML or JSON, whatever field it is for."""

from __future__ import annotations

import math
from typing import Any

from trainables.outside.text import Unreadable, shown

DEPTH = 32
"""Lists and mappings within each other, at most."""
NODES = 50_000
"""Values in all, those of an alias counted wherever it stands."""
LARGEST = 2**63 - 1
"""The largest whole number, and the smallest but for the sign."""


def whole(text: str, name: str) -> int:
    """The whole number that `text` writes, in bounds. Raises Unreadable."""
    digits = text.replace("_", "")
    number = int(digits, 0) if len(digits) < 30 else LARGEST + 1
    if abs(number) > LARGEST:
        raise Unreadable(f"{name}: {shown(text, 40)} is too large; whole numbers go up to {LARGEST:,}")
    return number


def finite(text: str, name: str) -> float:
    """The number that `text` writes, in bounds. Raises Unreadable."""
    number = float(text.replace("_", ""))
    if not math.isfinite(number):
        raise Unreadable(f"{name}: {shown(text, 40)} is no number that can be computed with; give a finite one")
    return number


def check_bounds(value: Any, name: str, where: str = "", depth: int = 0) -> None:
    """Raises Unreadable where `value` is nested too deep or has a text that cannot be written to a file or a terminal.

    Args:
        value: what a file or an option holds.
        name: how the line calls that.
        where: the field within it, as the line writes it.
    """
    place = f"{name}: {where}" if where else name
    if depth > DEPTH:
        raise Unreadable(f"{name}: is nested more than {DEPTH} deep; no field needs that")
    if isinstance(value, str):
        wrong = next((one for one in value if _unwritable(one)), None)
        if wrong is not None:
            kind = "half a character" if "\ud800" <= wrong <= "\udfff" else "the control character"
            raise Unreadable(f"{place}: has {kind} {shown(wrong)[1:-1]} in {shown(value, 40)}; take it out")
    elif isinstance(value, dict):
        for key, item in value.items():
            check_bounds(key, name, where, depth + 1)
            check_bounds(item, name, f"{where}.{key}" if where else str(key), depth + 1)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            check_bounds(item, name, f"{where}[{i}]", depth + 1)


def _unwritable(character: str) -> bool:
    """Control characters but for tab and the ends of lines, and halves of surrogate pairs."""
    return (
        (character < " " and character not in "\t\n\r")
        or "\x7f" <= character <= "\x9f"
        or "\ud800" <= character <= "\udfff"
    )
