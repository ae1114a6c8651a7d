"""Which packages hold which text, and under which licence.

A corpus is a set of files `text/<corpus>.<language>.tsv` of lines `English<TAB>translation`. Licences are those of the
packages' copyright files; nothing of the text is part of this project.
"""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGES = ("ar", "bg", "de", "el", "es", "fr", "hi", "id", "ja", "ru", "sw", "tr", "vi", "zh")
"""Those that the catalogue knows, beside English."""

ISO3 = {
    "ar": "ara", "bg": "bul", "de": "deu", "el": "ell", "es": "spa", "fr": "fra", "hi": "hin", "id": "ind", "ja": "jpn",
    "ru": "rus", "sw": "swh", "tr": "tur",
}  # fmt: skip


@dataclass(frozen=True)
class Corpus:
    """One corpus: the Debian packages it comes from, for each language, and whose licence it has."""

    name: str
    licence: str
    shared: tuple[str, ...] = ()
    """Packages that hold all languages."""
    by_language: str = ""
    """Name of the package of one language, with `{}` for the language as Debian writes it."""
    without: tuple[str, ...] = ()
    """Languages that it does not have."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it has, beside English."""
        return tuple(language for language in LANGUAGES if language not in self.without)


CATALOGUE = (
    Corpus(
        "dictionaries",
        "FreeDict: GPL-2.0-or-later, GPL-3.0-or-later or CC BY-SA 3.0 by dictionary; CC-CEDICT: CC BY-SA 4.0",
        without=("vi",),
    ),
    Corpus("wesnoth", "GPL-2.0-or-later", shared=("wesnoth-1.16-data",), without=("hi", "sw")),
    Corpus(
        "help", "MPL-2.0", shared=("libreoffice-help-en-us",), by_language="libreoffice-help-{}", without=("ar", "sw")
    ),
    Corpus(
        "software",
        "LibreOffice: MPL-2.0; MediaWiki: GPL-2.0-or-later; iso-codes: LGPL-2.1-or-later",
        shared=("mediawiki", "iso-codes"),
        by_language="libreoffice-l10n-{}",
    ),
)


def packages(corpus: Corpus, language: str) -> tuple[str, ...]:
    """The Debian packages that hold `corpus` in `language`."""
    if corpus.name == "dictionaries":
        code = ISO3.get(language)
        return (f"dict-freedict-eng-{code}", f"dict-freedict-{code}-eng") if code else ()
    own = corpus.by_language.format("zh-cn" if language == "zh" else language)
    return (*corpus.shared, own) if own else corpus.shared
