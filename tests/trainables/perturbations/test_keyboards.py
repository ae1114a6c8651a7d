"""Keyboards: what lies beside what, by script and by language, and errors in syllables of Hangul."""

from __future__ import annotations

import unicodedata

import pytest

from trainables.perturbations.draw import Draw
from trainables.perturbations.keyboards import layout_of, neighbours, rows_of
from trainables.perturbations.noise import mistyped

ALPHABETS = {  # small letters that are typed by one key
    "en": "abcdefghijklmnopqrstuvwxyz",
    "fr": "abcdefghijklmnopqrstuvwxyzéèçàù",
    "de": "abcdefghijklmnopqrstuvwxyzäöüß",
    "cs": "abcdefghijklmnopqrstuvwxyzěščřžýáíéúů",
    "sk": "abcdefghijklmnopqrstuvwxyzľščťžýáíéúäôň",
    "hu": "abcdefghijklmnopqrstuvwxyzöüóőúéáű",
    "hr": "abcdefghijklmnopqrstuvwxyzčćđšž",
    "es": "abcdefghijklmnopqrstuvwxyzñ",
    "tr": "abcçdefgğhıijklmnoöprsştuüvyz",
    "az": "abcçdeəfgğhxıijkqlmnoöprsştuüvyz",
    "ru": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "be": "абвгдежзійклмнопрстуўфхцчшыьэюя",
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "kk": "аәбвгғдежзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя",
    "mk": "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
    "el": "αβγδεζηθικλμνξοπρστυφχψως",
    "he": "אבגדהוזחטיכלמנסעפצקרשתךםןףץ",
    "ar": "ابتثجحخدرزسشصضطظعغفقكلمنهويةىءؤئ",
    "fa": "ابپتثجچحخدذرزسشصضطظعغفقکگلمنوهی",
    "ur": "ابپتجچحدرزسشطعغفقکگلمنوہیےء",
    "th": "กขคจชฟหดสวงผปอทมฝพรนยบลตถภ",
}


@pytest.mark.parametrize("language", sorted(ALPHABETS))
def test_every_letter_of_a_language_lies_on_a_key_and_beside_others(language):
    script = unicodedata.name(ALPHABETS[language][0]).partition(" ")[0]
    layout = layout_of(language)
    if language == "ur":
        assert neighbours("غ", script, layout) == ""  # with shift
    for letter in ALPHABETS[language].replace("غ", "" if language == "ur" else "غ"):
        near = neighbours(letter, script, layout)
        assert near, letter
        assert all(letter in neighbours(one, script, layout) for one in near), "what lies beside it"
    rows = [one for one in "".join(rows_of(script, layout)) if one != " "]
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    ("language", "letter", "near"),
    [
        ("en", "a", "sqwz"),
        ("fr", "a", "zéq"),
        ("en", "z", "xas"),
        ("de", "z", "tuhg"),
        ("es", "l", "kñop"),
        ("tr", "i", "şğü"),
        ("uk", "і", "фвцучя"),
        ("bg", "а", "яоеийъ"),
        ("th", "ก", "หดำพปแ"),
        ("fa", "پ", "دوتن"),
    ],
)
def test_layouts_of_languages(language, letter, near):
    script = unicodedata.name(letter).partition(" ")[0]
    found = neighbours(letter, script, layout_of(language))
    assert sorted(found) == sorted(near)


def test_an_error_in_hangul_is_one_key_and_leaves_a_syllable():
    syllables = [chr(code) for code in range(0xAC00, 0xD7A4)]
    assert all(neighbours(one, "HANGUL", "dubeolsik") for one in syllables)
    for one in syllables[::37]:
        for other in neighbours(one, "HANGUL", "dubeolsik"):
            assert "가" <= other <= "힣"
            ours, theirs = unicodedata.normalize("NFD", one), unicodedata.normalize("NFD", other)
            assert len(ours) == len(theirs)
            assert sum(a != b for a, b in zip(ours, theirs, strict=True)) == 1
    assert set("걊겂깂") < set(neighbours("값", "HANGUL", "dubeolsik"))  # ㅔ is above ㅏ, and beside it are ㅓ and ㅣ
    assert mistyped("한국", Draw(1), None, "ko") is None  # the script alone has no table


def test_capitals_are_those_of_the_language():
    found = {mistyped("İI", Draw(number), "turkish", "tr") for number in range(60)}
    assert {word[0] for word in found} <= set("İŞÜĞÇ")
    assert {word[1] for word in found} <= set("IUOJK")
    assert not any("i" in word or "ı" in word for word in found)
