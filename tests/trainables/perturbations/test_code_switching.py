"""Code-switching by dictionaries: what is a word, which translation it becomes, and which files are read."""

from __future__ import annotations

import pytest

from trainables.outside.text import Unreadable
from trainables.perturbations.code_switching import Switch
from trainables.perturbations.dictionaries import key, read_dictionary
from trainables.perturbations.draw import Draw
from trainables.perturbations.text import edited


def entries(language, **words):
    return {key(word, language): tuple(said.split("|")) for word, said in words.items()}


@pytest.mark.parametrize(
    ("language", "into", "words", "text", "switched", "count"),
    [
        # Capitals: those of a sentence and of a word in capitals are kept, those of German nouns are not.
        ("de", "en", {"der": "the", "hund": "dog"}, "Der Hund, HUND. Hund!", "The dog, DOG. Dog!", 4),
        ("en", "de", {"the": "der", "dog": "Hund"}, "The dog The Dog", "Der Hund Der Hund", 4),
        ("de", "en", {"der": "the", "hund": "dog"}, "„Der Hund?“ Der, Hund", "„The dog?“ The, dog", 4),
        ("en", "de", {"i": "ich", "a": "ein"}, "I am. I, so I, A", "Ich am. Ich, so ich, Ein", 6),
        ("tr", "en", {"ılık": "warm", "iyi": "good"}, "ILIK İyi", "WARM Good", 2),
        ("en", "tr", {"good": "iyi"}, "Good GOOD", "İyi İYİ", 2),
        # Words with apostrophes, digits and marks; initials; articles that have lost their vowel.
        ("en", "es", {"don": "señor", "u": "tú", "th": "x"}, "don't 4th U.S. don u", "don't 4th U.S. señor tú", 4),
        ("fr", "en", {"eau": "water"}, "L’eau, l'eau d'Eau", "L’water, l'water d'Water", 3),
        ("hi", "en", {"क्षेत्र": "area"}, "यह क्षेत्र है।", "यह area है।", 3),
        # Scripts without blanks: the longest word, no single characters, blanks where words would run together.
        ("zh", "en", {"我们": "we", "学习": "learn", "学": "x"}, "我们学习，学我", "we learn，学我", 4),
        ("zh", "en", {"学习": "learn", "学习班": "class"}, "学习学习班", "learn class", 2),
        ("ja", "zh", {"東京": "东京"}, "東京の東京タワー", "东京の东京タワー", 6),
        ("th", "en", {"ภาษา": "language"}, "ภาษาไทย", "language ไทย", 3),
        ("en", "zh", {"we": "我们"}, "We learn", "我们 learn", 2),
        # Nothing that is the word itself, in another case or not.
        ("de", "en", {"berlin": "Berlin|capital", "rom": "ROM"}, "Berlin Rom", "Capital Rom", 2),
    ],
)  # fmt: skip
def test_words_become_translations(language, into, words, text, switched, count):
    switch = Switch(language, {into: entries(language, **words)}, 1.0)
    edits, found = switch.edits(text, Draw(1))
    assert edited(text, edits)[0] == switched
    assert found == count


def test_translations_and_languages_are_drawn_and_strength_is_the_share_of_words_that_can_be_switched():
    into = {"de": entries("en", dog="a|b|two words"), "fr": entries("en", dog="c")}
    text = "dog cat " * 400
    drawn = [new for _, _, new in Switch("en", into, 1.0).edits(text, Draw(1))[0]]
    assert len(drawn) == 400
    assert 160 < drawn.count("c") < 240  # first the language, then the translation
    assert min(drawn.count(one) for one in ("a", "b", "two words")) > 40
    half = Switch("en", into, 0.5).edits(text, Draw(1))[0]
    assert 160 < len(half) < 240
    assert set(half) <= set(Switch("en", into, 1.0).edits(text, Draw(1))[0])
    assert Switch("en", into, 1.0).edits(text, Draw(2))[0] != Switch("en", into, 1.0).edits(text, Draw(1))[0]
    # A word of a list becomes one word, and what has only several stays.
    words = {Switch("en", into, 1.0).word("dog", False, Draw(number)) for number in range(50)}
    assert words == {"a", "b", "c"}
    assert Switch("en", {"de": entries("en", dog="two words")}, 1.0).word("dog", False, Draw(1)) == "dog"


def test_lines_with_tabs_and_blanks_are_read_with_their_digest(tmp_path):
    file = tmp_path / "de-en.txt"
    file.write_bytes("\ufeffHund dog\r\nhund hound\nHund  dog\n\nguten Tag\tgood day\ncafe\u0301 cafe\u0301\n".encode())
    sha256, found = read_dictionary(file, "de")
    assert found == {"hund": ("dog", "hound"), "guten tag": ("good day",), "café": ("café",)}
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert read_dictionary(file, "de")[0] != sha256


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty; expected a word"),
        (b"\n \n", "is empty; expected a word"),
        (b"a b\nhund\n", 'line 2: is "hund"; expected a word, a tab or blank, and a translation'),
        (b"a b c\n", 'line 1: is "a b c"; expected'),
        (b"a b\tc\td\n", 'line 1: is "a b\\tc\\td"; expected'),
        (b"\tb\n", 'line 1: is "b"; expected'),
        (b"a\t\n", 'line 1: is "a"; expected'),
        (b"a b\n\xe9 c\n", "line 2: is not UTF-8"),
        (b"PK\x03\x04\0\0", "has zero bytes"),
        (None, "there is no such file"),
    ],
)
def test_what_is_no_dictionary_is_one_line(tmp_path, data, said):
    file = tmp_path / "de-en.txt"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(Unreadable) as error:
        read_dictionary(file, "de")
    assert said in str(error.value)
    assert str(error.value).startswith(str(file))
    assert "\n" not in str(error.value)
