"""Syllables of Hangul, as they are typed: letter by letter, on a keyboard with the letters of two sets (Dubeolsik)."""

from __future__ import annotations

from collections.abc import Callable

_FIRST, _BEHIND = 0xAC00, 0xD7A4
"""The code points of the syllables, in the order of their initials, vowels and finals (Unicode, chapter 3.12)."""
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_OF_TWO_KEYS = {
    "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ",
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ",
    "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip
_WITH_SHIFT = dict(zip("ㄲㄸㅃㅆㅉㅒㅖ", "ㄱㄷㅂㅅㅈㅐㅔ", strict=True))
_OF_KEYS = {keys: letter for letter, keys in _OF_TWO_KEYS.items()}


def mistyped_syllables(syllable: str, beside: Callable[[str], str]) -> str:
    """The syllables that one becomes when one key is hit in place of another, such that it still is one syllable.

    Args:
        beside: the letters on the keys beside that of a letter that is typed without shift.
    """
    if not _FIRST <= ord(syllable) < _BEHIND:
        return ""
    number = ord(syllable) - _FIRST
    sets = (_INITIALS, _VOWELS, _FINALS)
    parts = [number // (21 * 28), number // 28 % 21, number % 28]
    found: dict[str, None] = {}
    for place, letters in enumerate(sets):
        letter = letters[parts[place]]
        keys = _OF_TWO_KEYS.get(letter, letter)
        for at, key in enumerate(keys):
            for other in beside(_WITH_SHIFT.get(key, key)):
                hit = keys[:at] + other + keys[at + 1 :]
                new = letters.find(_OF_KEYS.get(hit, hit))
                if new >= 0 and letters[new] != letter:
                    numbers = list(parts)
                    numbers[place] = new
                    found[chr(_FIRST + (numbers[0] * 21 + numbers[1]) * 28 + numbers[2])] = None
    return "".join(found)
