"""Other codes of a language than the one that a task has: three letters, old ones, with a region or a script, by name.

Data sets mostly call a language by its code of two letters (ISO 639-1); which code a task has, its record says.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection

from trainables.outside.text import shown
from trainables.tasks.languages import FLORES, ISO3, NAMES, NTREX

OLD = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "sh": "sr"}
"""Codes that ISO 639 has withdrawn."""

# ISO 639-3, the codes of ISO 639-2/B that differ from it, and members of a macrolanguage that stand for it.
_THREE = {
    "af": "afr", "am": "amh", "ar": "ara arb", "as": "asm", "ay": "aym ayr", "az": "aze azj", "be": "bel", "bg": "bul",
    "bm": "bam", "bn": "ben", "bo": "bod tib", "br": "bre", "bs": "bos", "ca": "cat", "cs": "ces cze", "cy": "cym wel",
    "da": "dan", "de": "deu ger", "ee": "ewe", "el": "ell gre", "en": "eng", "eo": "epo", "es": "spa", "et": "est ekk",
    "eu": "eus baq", "fa": "fas per pes", "fi": "fin", "fr": "fra fre", "ga": "gle", "gd": "gla", "gl": "glg",
    "gn": "grn gug", "gu": "guj", "ha": "hau", "he": "heb", "hi": "hin", "hr": "hrv", "ht": "hat", "hu": "hun",
    "hy": "hye arm", "id": "ind", "ig": "ibo", "is": "isl ice", "it": "ita", "ja": "jpn", "jv": "jav", "ka": "kat geo",
    "kk": "kaz", "km": "khm", "kn": "kan", "ko": "kor", "ku": "kur kmr", "ky": "kir", "la": "lat", "lb": "ltz",
    "lg": "lug", "ln": "lin", "lo": "lao", "lt": "lit", "lv": "lav lvs", "mg": "mlg plt", "mi": "mri mao",
    "mk": "mkd mac", "ml": "mal", "mn": "mon khk", "mr": "mar", "ms": "msa may zsm", "mt": "mlt", "my": "mya bur",
    "nb": "nob", "ne": "nep npi", "nl": "nld dut", "nn": "nno", "no": "nor", "ny": "nya", "om": "orm gaz",
    "or": "ori ory", "pa": "pan", "pl": "pol", "ps": "pus pbt", "pt": "por", "qu": "que quz quy", "ro": "ron rum",
    "ru": "rus", "rw": "kin", "sa": "san", "sd": "snd", "si": "sin", "sk": "slk slo", "sl": "slv", "sn": "sna",
    "so": "som", "sq": "sqi alb als", "sr": "srp", "su": "sun", "sv": "swe", "sw": "swa swh", "ta": "tam", "te": "tel",
    "tg": "tgk", "th": "tha", "ti": "tir", "tk": "tuk", "tl": "tgl fil", "tn": "tsn", "tr": "tur", "tt": "tat",
    "tw": "twi", "ug": "uig", "uk": "ukr", "ur": "urd", "uz": "uzb uzn", "vi": "vie", "wo": "wol", "xh": "xho",
    "yi": "yid ydd", "yo": "yor", "zh": "zho chi cmn", "zu": "zul",
}  # fmt: skip
_TWO = {three: two for two, threes in _THREE.items() for three in threes.split()}
_TWO |= {three: two for table in (ISO3, NTREX, FLORES) for two, code in table.items() for three in [code[:3]]}
_NAMED = {name.lower(): two for two, name in NAMES.items()}


def hint(code: str, known: Collection[str]) -> str:
    """What somebody who wrote `code`, which is none of the `known` codes, may have meant, as the end of a line.

    >>> hint("iw", ["de", "he"]), hint("zh-CN", ["de", "zh"])
    ('an old code; write "he"', 'a code with a region or script; write "zh"')
    """
    base, what = _two_letters(code)
    same = [one for one in known if _two_letters(one)[0] == base]
    if same:
        return f"{what}; write {' or '.join(map(shown, same[:3]))}"
    near = difflib.get_close_matches(code[:20].lower(), known, n=1, cutoff=0.5)
    return f'did you mean "{near[0]}"?' if near else f"has: {' '.join(known)}"


def spellings(code: str) -> tuple[str, ...]:
    """A code, and others of the same language: three letters, old ones.

    >>> spellings("he")
    ('he', 'heb', 'iw')
    """
    base, _ = _two_letters(code)
    same = [base, *_THREE.get(base, "").split(), *(old for old, new in OLD.items() if new == base)]
    return tuple(dict.fromkeys((code, *same)))


def _two_letters(code: str) -> tuple[str, str]:
    """The code in two letters where there is one, and what kind of code `code` is."""
    base, *suffixes = code.lower().replace("_", "-").split("-")
    what = "a code with a region or script" if suffixes else "another spelling"
    if base in OLD:
        return OLD[base], what if suffixes else "an old code"
    if base in _TWO:
        return _TWO[base], what if suffixes else "a code of ISO 639-3"
    if base in _NAMED:
        return _NAMED[base], "a name and no code"
    return base, what
