"""A tag for each word: parts of speech (UD-POS), names (PAN-X), supertags (CCGbank)."""

from __future__ import annotations

from trainables.task_types import Length
from trainables.tasks.benchmarks import PANX, PANX_R, UDPOS, UDPOS_R, UDPOS_UNTRAINED
from trainables.tasks.hyperparameters import Defaults, jiant
from trainables.tasks.languages import NAMES as LANGUAGE_NAMES
from trainables.tasks.records.notation import counts, each, without, words
from trainables.tasks.sources.folder import tagging
from trainables.tasks.sources.hub.table import HubTable
from trainables.tasks.task import Licence, Split, Task

UPOS = words("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X")
NAMES = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
_SPLITS: dict[Split, str] = {"train": "train", "dev": "validation", "test": "test"}
_MORE_ROWS: dict[tuple[Split, str], str] = {
    (split, language): "more rows than XTREME's own files have"
    for language, splits in {"de": ("test",), **dict.fromkeys(("el", "fr", "ru", "zh"), tuple(_SPLITS))}.items()
    for split in splits
}

TAGGING = (
    Task(
        name="udpos",
        type="tagging",
        languages=UDPOS + UDPOS_R,
        other_train_languages=without(UDPOS + UDPOS_R, *UDPOS_UNTRAINED),
        labels=UPOS,
        trains_on=("udpos",),
        has_train=True,
        main_metrics=("f1",),
        folder=tagging.tagged,
        hub=(
            HubTable(
                dataset="google/xtreme",
                config="udpos.{code}",
                splits=_SPLITS,
                languages=UDPOS,
                codes=LANGUAGE_NAMES,
                columns={"tags": "pos_tags"},
                # Other sentences than XTREME's download has, by the counts of both (see LICENCES.md).
                notes=_MORE_ROWS,
            ),
        ),
        settings={
            "jiant": jiant(256, 32, 1e-5, 10, "released"),
            "xtreme": Defaults(128, 32, 2e-5, 10, 500, warmup=0.0, weight_decay=0.0, source="xtreme, train_udpos.sh"),
        },
        # Of Universal Dependencies 2.5, as XTREME is; XTREME-R's (2.7) differ. The hub has more rows than XTREME in de,
        # el, fr, ru and zh; those stand here without a test count.
        expected_rows={
            "train": counts(
                "af 1315 ar 6075 eu 5396 bg 8907 nl 18051 en 21253 et 25749 fi 27198 he 5241 hi 13304 hu 910 id 4477 "
                "it 29685 ja 7125 kk 31 ko 27410 mr 373 fa 4798 pt 17992 es 28492 ta 400 te 1051 tr 3664 ur 4043 "
                "vi 1400"
            ),
            "dev": {"en": 3974},
            "test": counts(
                "af 425 ar 1680 eu 1799 bg 1116 nl 1471 en 5440 et 3760 fi 4422 he 491 hi 2684 hu 449 id 1557 it 3518 "
                "ja 2372 kk 1047 ko 4276 mr 47 fa 600 pt 2681 es 3147 tl 55 ta 120 te 146 th 1000 tr 4785 ur 535 "
                "vi 800 yo 100"
            ),
        },
        lengths={"train": Length(26.0), "test": Length(33.1)},  # measured
        licence=Licence(
            data="Universal Dependencies v2.5 as XTREME prepares it, 33 languages; v2.7 as XTREME-R does, 38",
            source="XTREME's download; hub `google/xtreme` (`udpos.*`)",
            terms="by treebank, mostly CC BY-SA 3.0 or 4.0, some non-commercial",
        ),
    ),
    Task(
        name="panx",
        type="tagging",
        languages=PANX + PANX_R,
        other_train_languages=without(PANX + PANX_R),
        labels=NAMES,
        trains_on=("panx",),
        has_train=True,
        main_metrics=("f1",),
        folder=tagging.tagged,
        hub=(
            HubTable(
                dataset="google/xtreme",
                config="PAN-X.{code}",
                splits=_SPLITS,
                languages=PANX,
                columns={"tags": "ner_tags"},
            ),
            # The same split; XTREME's repository has the languages of XTREME alone.
            HubTable(
                dataset="unimelb-nlp/wikiann",
                config="{code}",
                splits=_SPLITS,
                languages=PANX_R,
                columns={"tags": "ner_tags"},
            ),
        ),
        settings={
            "jiant": jiant(256, 32, 1e-5, 10, "released"),
            "xtreme": Defaults(128, 32, 2e-5, 10, 500, warmup=0.0, weight_decay=0.0, source="xtreme, train_panx.sh"),
        },
        expected_rows={
            "train": {"en": 20_000},
            "dev": {"en": 10_000},
            "test": each(
                PANX + PANX_R,
                10_000,
                "af 1000 bn 1000 hi 1000 jv 100 kk 1000 ml 1000 mr 1000 ms 1000 my 100 sw 1000 ta 1000 te 1000 "
                "tl 1000 ur 1000 yo 100 qu 100 az 1000 pa 100 gu 100",
            ),
        },
        lengths={"train": Length(14.2), "test": Length(17.7)},  # measured
        licence=Licence(
            data="PAN-X: WikiANN in the split of Rahimi et al. 2019, 48 languages",
            source="XTREME's download; hub `google/xtreme` (`PAN-X.*`), `unimelb-nlp/wikiann`",
            terms="text: Wikipedia, CC BY-SA 3.0; split: unknown according to the hub card",
        ),
    ),
    Task(
        name="ccg",
        type="tagging",
        languages=(),
        labels_in_data=True,
        has_train=True,
        main_metrics=("accuracy",),
        folder=tagging.ccg,
        settings={"jiant": jiant(256, 24, 2e-5, 15, "remembered")},
        estimated_rows={"train": {"en": 38_015}, "dev": {"en": 5_484}},  # remembered
        lengths={"train": Length(33.0)},  # newspaper sentences of 23.5 words, at NTREX's subwords per word
        licence=Licence(
            data="CCGbank's lexical categories (supertags), sections 02-21 and 00",
            source="LDC2005T13; files only",
            terms="LDC User Agreement; to be had from the LDC alone",
        ),
    ),
)
