"""Short notations for tables of languages and counts."""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """`"a b"` as a tuple."""
    return tuple(text.split())


def without(languages: tuple[str, ...], *others: str) -> tuple[str, ...]:
    """The languages but English and `others`."""
    return tuple(language for language in languages if language not in ("en", *others))


def counts(text: str) -> dict[str, int]:
    """`"de 5 fr 6"` as a dictionary."""
    names = text.split()
    return {language: int(count) for language, count in zip(names[::2], names[1::2], strict=True)}


def each(languages: tuple[str, ...], usual: int, text: str = "") -> dict[str, int]:
    """The same count for every language but those of `text`."""
    return {**dict.fromkeys(languages, usual), **counts(text)}
