"""Which keys lie side by side on the keyboards of scripts and languages.

Rows of keys from the top to the bottom, each from the left; of keys with several letters the one without shift, and a
blank where a key has none. The first row of four is that of the digits.

By script: Latin is QWERTY, Cyrillic the Russian ЙЦУКЕН, Arabic the layout "Arabic (101)", Hebrew SI-1452, Thai
Kedmanee, Georgian the phonetic one, Devanagari InScript. InScript is one layout for the scripts of India, whose Unicode
blocks have one order (that of ISCII-1988), so the others follow from Devanagari's. Scripts that are typed by way of
other letters (Han, kana, Ethiopic) have no table.

By language, where letters lie elsewhere: as the symbols of xkeyboard-config 2.35 have them (`fr`, `de`, `cz`, `sk`,
`hu`, `hr`, `es`, `tr`, `az`, `ua`, `by`, `bg`, `kz`, `mk`, `ir`, `pk`, `th`), and for Korean KS X 5002 (Dubeolsik).
"""

from __future__ import annotations

import unicodedata
from functools import cache

from trainables.perturbations.hangul import mistyped_syllables

_ROWS = {
    "LATIN": ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    "CYRILLIC": ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
    "GREEK": (" ςερτυθιοπ", "ασδφγηξκλ", "ζχψωβνμ"),
    "ARABIC": ("ضصثقفغعهخحجد", "شسيبلاتنمكط", "ئءؤر ىةوزظ"),
    "HEBREW": ("  קראטוןםפ", "שדגכעיחלךף", "זסבהנמצתץ"),
    "THAI": ("ๆไำพะัีรนยบล", "ฟหกดเ้่าสวง", "ผปแอิืทมใฝ"),
    "GEORGIAN": ("ქწერტყუიოპ", "ასდფგჰჯკლ", "ზხცვბნმ"),
    "DEVANAGARI": ("ौैाीूबहगदजड", "ोे्िुपरकतचट", " ंमनवलस  य"),
}
_LAYOUTS = {
    "azerty": ("LATIN", " é    è çà", "azertyuiop", "qsdfghjklmù", "wxcvbn"),
    "german": ("LATIN", "          ß", "qwertzuiopü", "asdfghjklöä", "yxcvbnm"),
    "czech": ("LATIN", " ěščřžýáíé", "qwertzuiopú", "asdfghjklů", "yxcvbnm"),
    "slovak": ("LATIN", " ľščťžýáíé", "qwertzuiopúä", "asdfghjklô ň", "yxcvbnm"),
    "hungarian": ("LATIN", "         öüó", "qwertzuiopőú", "asdfghjkléáű", "yxcvbnm"),
    "croatian": ("LATIN", "qwertzuiopšđ", "asdfghjklčćž", "yxcvbnm"),
    "spanish": ("LATIN", "qwertyuiop", "asdfghjklñ ç", "zxcvbnm"),
    "turkish": ("LATIN", "qwertyuıopğü", "asdfghjklşi", "zxcvbnmöç"),
    "azerbaijani": ("LATIN", "qüertyuiopöğ", "asdfghjklıə", "zxcvbnmçş"),
    "ukrainian": ("CYRILLIC", "йцукенгшщзхї", "фівапролджєґ", "ячсмитьбю"),
    "belarusian": ("CYRILLIC", "йцукенгшўзх", "фывапролджэ", "ячсмітьбю"),
    "bulgarian": ("CYRILLIC", " уеишщксдзц", "ьяаожгтнвмч", "юйъэфхпрлб"),
    "kazakh": ("CYRILLIC", " әіңғ  үұқөһ", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
    "macedonian": ("CYRILLIC", "љњертѕуиопшѓ", "асдфгхјклчќж", "зџцвбнм"),
    "persian": ("ARABIC", "ضصثقفغعهخحجچ", "شسیبلاتنمکگ", "ظطزرذدپو"),
    "urdu": ("ARABIC", "قوعرتےءیہپ", "اسدفگحجکل", "زشچطبنم"),
    "kedmanee": ("THAI", "ๅ  ภถุึคตจขช", "ๆไำพะัีรนยบล", "ฟหกดเ้่าสวง", "ผปแอิืทมใฝ"),
    "dubeolsik": ("HANGUL", "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ"),
}
"""By name: the script, and the rows."""
_OF_LANGUAGE = {
    "fr": "azerty", "de": "german", "cs": "czech", "sk": "slovak", "hu": "hungarian", "hr": "croatian",
    "sl": "croatian", "bs": "croatian", "es": "spanish", "ca": "spanish", "eu": "spanish", "gl": "spanish",
    "tr": "turkish", "az": "azerbaijani", "uk": "ukrainian", "be": "belarusian", "bg": "bulgarian", "kk": "kazakh",
    "mk": "macedonian", "fa": "persian", "ur": "urdu", "th": "kedmanee", "ko": "dubeolsik",
}  # fmt: skip
_INDIA = ("BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM")
_BLOCK = 0x80
"""Signs of a script of India in Unicode, laid out as those of Devanagari, the first of them."""
_AROUND = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
"""Rows are shifted by less than a key to the right, so each key has two above it and two below it."""


def layout_of(language: str) -> str | None:
    """The name of a language's layout; None: those of scripts."""
    return _OF_LANGUAGE.get(language)


@cache
def neighbours(character: str, script: str, layout: str | None = None) -> str:
    """The letters on the keys beside that of a character, and for a mark the marks; of a syllable of Hangul those that
    it becomes when one of its letters is another; "" where there is no table."""
    rows = rows_of(script, layout)
    if rows and script == "HANGUL":
        return mistyped_syllables(character, lambda letter: _beside(letter, rows))
    return _beside(character, rows)


def rows_of(script: str, layout: str | None = None) -> tuple[str, ...]:
    """The rows of keys of a layout, or where it is of another script of that; none where there is no table."""
    if layout is not None and _LAYOUTS[layout][0] == script:
        return _LAYOUTS[layout][1:]
    if script in _INDIA:
        above = (_INDIA.index(script) + 1) * _BLOCK
        return tuple(
            "".join(chr(ord(one) + above) if one != " " else one for one in row) for row in rows_of("DEVANAGARI")
        )
    return _ROWS.get(script, ())


def _beside(character: str, rows: tuple[str, ...]) -> str:
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
