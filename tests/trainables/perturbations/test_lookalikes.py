"""Letters alike: what is read as what leaves text that can be written."""

from __future__ import annotations

import unicodedata

import pytest

from trainables.perturbations.lookalikes import GROUPS, readings


@pytest.mark.parametrize("script", GROUPS)
def test_letters_are_read_as_letters_of_the_same_script_both_ways(script):
    found = readings(script)
    for letters, others in found.items():
        assert letters not in others
        for other in others:
            assert letters in found[other]
        for letter in "".join((letters, *others)):
            assert unicodedata.category(letter).startswith("L")
            assert unicodedata.name(letter).startswith(script)


def test_in_devanagari_consonants_alone():
    """A vowel sign may follow, which a vowel of its own cannot bear."""
    for letters in readings("DEVANAGARI"):
        sound = unicodedata.name(letters).removeprefix("DEVANAGARI LETTER ")
        assert sound.endswith("A")
        assert sound.strip("A")
