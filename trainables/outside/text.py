"""Found values and whole messages as one safe line: what a terminal would obey is written as an escape.

A file of others may hold escape sequences that move the cursor, change the window's title or reverse the order of the
letters. Nothing of that reaches a terminal: every character that is not printable is shown by its number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LINE = 300
"""Characters of a line that says what is wrong, at most."""
VALUE = 80
"""Characters of a found value in such a line, at most."""

_JOINERS = "\u200c\u200d"  # letters of Persian and Hindi words need them, and they do nothing but join
_QUOTED, _BACKSLASHED = r'(["\\])', r"\\\1"
_FOLDERS = re.compile(r"(?<=[\s\"'`(])/(?:[^\s/:;,\"'`]+/){2,}(?=[^\s/:;,\"'`]+/[^\s/:;,\"'`]+)")
"""All folders of an absolute path but the last one, within a line: the file that it begins with is named in full."""
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Unreadable(ValueError):
    """What came from outside cannot be used; the message is one line with the place, what was found, and the mend."""

    def __init__(self, line: str) -> None:
        super().__init__(bounded(line))


def escaped(text: str, keep: str = "") -> str:
    """`text` with every character that is not printable as an escape, those in `keep` apart.

    >>> escaped("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep or one in _JOINERS else _escape(one) for one in text)


def shown(value: Any, limit: int = VALUE) -> str:
    """A found value for a message: on one line, as JSON would write it, of at most `limit` characters.

    >>> shown("big"), shown(True), shown([None, 1.5]), shown("x" * 300, 12)
    ('"big"', 'true', '[null, 1.5]', '"xxxxxxx..."')
    """
    text = _written(value, limit, 3)
    if len(text) <= limit:
        return text
    end = text[-1] if text[-1] in '"]}' else ""
    return text[: limit - 3 - len(end)] + "..." + end


def bounded(line: str, limit: int = LINE) -> str:
    """`line` as one safe line of at most `limit` characters.

    Of one that is too long, long paths behind its beginning lose their first folders; where that is not enough, its
    middle goes: the beginning says where, and the end what to do.

    >>> bounded("sweep.yaml: /home/somebody/studies/one/model is none", 40)
    'sweep.yaml: .../one/model is none'
    """
    text = escaped(" ".join(line.splitlines()) if "\n" in line else line)
    while limit < len(text) < 10 * limit and (folders := max(_FOLDERS.findall(text), key=len, default="")):
        text = text.replace(folders, ".../", 1)
    if len(text) <= limit:
        return text
    end = limit // 3
    return f"{text[: limit - end - 5]} ... {text[-end:]}"


def _escape(character: str) -> str:
    number = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _written(value: Any, limit: int, depth: int) -> str:
    """No more of `value` than can be shown is looked at: it may be as large as its maker liked."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f'"{escaped(re.sub(_QUOTED, _BACKSLASHED, value[: limit + 1]))}"'
    if isinstance(value, int):
        bits = value.bit_length()
        return str(value) if bits < 4 * limit else f"a number of about {int(bits * 0.30103) + 1:,} digits"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping | list | tuple):
        opening, closing = "{}" if isinstance(value, Mapping) else "[]"
        if depth == 0:
            return f"{opening}...{closing}"
        parts, length = [], 0
        for item in value.items() if isinstance(value, Mapping) else value:
            pair = item if isinstance(value, Mapping) else (item,)
            parts.append(": ".join(_written(one, limit, depth - 1) for one in pair))
            length += len(parts[-1])
            if length > limit:
                break
        return f"{opening}{', '.join(parts)}{closing}"
    return escaped(f"{type(value).__name__} {repr(value)[:limit]}")
