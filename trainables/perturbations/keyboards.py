"""Which keys lie side by side on the standard keyboard of a script.

Rows of keys from the top to the bottom, each from the left; of keys with several letters the one without shift, and a
zero character where a key has none. Latin is QWERTY, Cyrillic the Russian ЙЦУКЕН, Arabic the layout "Arabic (101)",
Hebrew SI-1452, Thai Kedmanee, Georgian the phonetic one, Devanagari InScript. InScript is one layout for the
scripts of India, whose Unicode blocks have one order (that of ISCII-1988), so the others follow from Devanagari's.
Scripts that are typed by way of other letters or from parts (Han, kana, Hangul, Ethiopic) have no table.
"""

from __future__ import annotations

import unicodedata
from functools import cache

_ROWS = {
    "LATIN": ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    "CYRILLIC": ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
    "GREEK": ("\0ςερτυθιοπ", "ασδφγηξκλ", "ζχψωβνμ"),
    "ARABIC": ("ضصثقفغعهخحجد", "شسيبلاتنمكط", "ئءؤر\0ىةوزظ"),
    "HEBREW": ("\0\0קראטוןםפ", "שדגכעיחלךף", "זסבהנמצתץ"),
    "THAI": ("ๆไำพะัีรนยบล", "ฟหกดเ้่าสวง", "ผปแอิืทมใฝ"),
    "GEORGIAN": ("ქწერტყუიოპ", "ასდფგჰჯკლ", "ზხცვბნმ"),
    "DEVANAGARI": ("ौैाीूबहगदजड", "ोे्िुपरकतचट", "\0ंमनवलस\0\0य"),
}
_INDIA = ("BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM")
_BLOCK = 0x80
"""Signs of a script of India in Unicode, laid out as those of Devanagari, the first of them."""
_AROUND = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
"""Rows are shifted by less than a key to the right, so each key has two above it and two below it."""


@cache
def neighbours(character: str, script: str) -> str:
    """The letters on the keys beside that of a character, and for a mark the marks; "" where there is no table."""
    rows = rows_of(script)
    for row, keys in enumerate(rows):
        if (place := keys.find(character)) >= 0:
            found = [
                rows[row + down][place + right]
                for down, right in _AROUND
                if 0 <= row + down < len(rows) and 0 <= place + right < len(rows[row + down])
            ]
            kind = unicodedata.category(character)[0]
            return "".join(one for one in found if unicodedata.category(one)[0] == kind)
    return ""


def rows_of(script: str) -> tuple[str, ...]:
    """The rows of keys; none where there is no table."""
    if script in _INDIA:
        above = (_INDIA.index(script) + 1) * _BLOCK
        return tuple(
            "".join(chr(ord(one) + above) if ord(one) else one for one in row) for row in rows_of("DEVANAGARI")
        )
    return _ROWS.get(script, ())
