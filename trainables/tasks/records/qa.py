"""Questions on passages: XQuAD, MLQA, TyDi QA, SQuAD in both versions, and a small stand-in."""

from __future__ import annotations

from trainables.task_types import Length
from trainables.tasks.benchmarks import MLQA, TYDIQA, XQUAD, XQUAD_R
from trainables.tasks.hyperparameters import ONLY_AT_THE_END, Defaults, jiant
from trainables.tasks.languages import NAMES
from trainables.tasks.records.notation import counts, each, without
from trainables.tasks.sources.folder import qa
from trainables.tasks.sources.hub.table import HubTable
from trainables.tasks.task import Licence, Task

# The reference toolkit picks QA checkpoints by the mean of F1 and exact match.
_METRICS = ("f1", "exact_match")
_XTREME = Defaults(384, 32, 3e-5, 3, ONLY_AT_THE_END, warmup=0.06, weight_decay=1e-4, source="xtreme, train_qa.sh")
_TARGET_SETTINGS = {"jiant": jiant(384, 16, 1e-5, 2, "released"), "xtreme": _XTREME}
_SQUAD_SETTINGS = {"jiant": jiant(384, 8, 1e-5, 3, "remembered"), "xtreme": _XTREME}
SQUADSHIFTS_LICENCE = Licence(
    data="SQuADShifts, new Wikipedia questions",
    source="modestyachts/squadshifts-website",
    terms="passages: Wikipedia, CC BY-SA; annotations: CC BY 4.0 according to the hub card",
)
_SQUAD_LENGTH = Length(194.5, features=1.01)  # measured on SQuADShifts

QA = (
    Task(
        name="xquad",
        type="span-qa",
        languages=XQUAD + XQUAD_R,
        trains_on=("squad",),
        has_train=False,
        main_metrics=_METRICS,
        folder=qa.xquad,
        hub=(
            HubTable(
                dataset="google/xquad",
                config="xquad.{code}",
                splits={"test": "validation"},
                languages=XQUAD + XQUAD_R,
            ),
        ),
        settings=_TARGET_SETTINGS,
        expected_rows={"test": each(XQUAD + XQUAD_R, 1190)},
        lengths={"test": Length(228.4, features=1.09)},  # measured
        licence=Licence(
            data="XQuAD, 12 languages",
            source="google-deepmind/xquad; hub `google/xquad`",
            terms="CC BY-SA 4.0",
        ),
    ),
    Task(
        name="mlqa",
        type="span-qa",
        languages=MLQA,
        trains_on=("squad",),
        has_train=False,
        scorer="mlqa",
        main_metrics=_METRICS,
        folder=qa.mlqa,
        hub=(
            HubTable(
                dataset="google/xtreme",
                config="MLQA.{code}.{code}",
                splits={"test": "test"},
                languages=MLQA,
                notes={
                    ("test", language): "blanks around texts are cut off, so some answers start late"
                    for language in MLQA
                },
            ),
        ),
        settings=_TARGET_SETTINGS,
        expected_rows={"test": counts("en 11590 de 4517 es 5253 ar 5335 zh 5137 vi 5495 hi 4918")},
        lengths={"test": Length(228.4, features=1.09)},  # as XQuAD
        licence=Licence(
            data="MLQA test, 7 languages, question and passage in the same one",
            source="facebookresearch/MLQA; hub `google/xtreme` (`MLQA.*`)",
            terms="CC BY-SA 3.0",
        ),
    ),
    Task(
        name="tydiqa",
        type="span-qa",
        languages=TYDIQA,
        other_train_languages=without(TYDIQA),
        trains_on=("tydiqa",),
        has_train=True,
        main_metrics=_METRICS,
        folder=qa.tydiqa,
        hub=(
            HubTable(
                dataset="google-research-datasets/tydiqa",
                config="secondary_task",
                splits={"train": "train", "dev": "train"},
                languages=TYDIQA,
                codes=NAMES,
                id_prefix="{code}-",
                group="context",
                share=qa.TYDIQA_DEV,
            ),
            HubTable(
                dataset="google-research-datasets/tydiqa",
                config="secondary_task",
                splits={"test": "validation"},
                languages=TYDIQA,
                codes=NAMES,
                id_prefix="{code}-",
            ),
        ),
        settings=_TARGET_SETTINGS,
        expected_rows={
            "train": counts("ar 14805 bn 2390 fi 6855 id 5702 ko 1625 ru 6490 sw 2755 te 5563"),
            "test": counts("en 440 ar 921 bn 113 fi 782 id 565 ko 276 ru 812 sw 499 te 669"),
        },
        estimated_rows={"train": {"en": 3_346}, "dev": {"en": 350}},  # this project holds out dev
        lengths={"train": Length(157.7, features=1.04), "test": Length(161.0, features=1.05)},  # measured
        licence=Licence(
            data="TyDi QA GoldP v1.1, 9 languages",
            source="google-research-datasets/tydiqa; hub `google-research-datasets/tydiqa`",
            terms="Apache-2.0",
        ),
    ),
    Task(
        name="squad",
        type="span-qa",
        languages=(),
        # XTREME translated it into the languages of XQuAD.
        other_train_languages=without(XQUAD),
        has_train=True,
        main_metrics=_METRICS,
        folder=qa.squad,
        hub=(HubTable(dataset="rajpurkar/squad", config="plain_text", splits={"train": "train", "dev": "validation"}),),
        settings=_SQUAD_SETTINGS,
        expected_rows={"train": {"en": 87_599}, "dev": {"en": 10_570}},
        lengths={"train": _SQUAD_LENGTH},
        licence=Licence(
            data="SQuAD v1.1; its translations by XTREME",
            source="rajpurkar/SQuAD-explorer; hub `rajpurkar/squad`; XTREME's `translate-train` files",
            terms="CC BY-SA 4.0",
        ),
    ),
    Task(
        name="squad2",
        type="span-or-none",
        languages=(),
        has_train=True,
        main_metrics=_METRICS,
        folder=qa.squad2,
        hub=(
            HubTable(dataset="rajpurkar/squad_v2", config="squad_v2", splits={"train": "train", "dev": "validation"}),
        ),
        settings={"jiant": jiant(384, 8, 1e-5, 3, "remembered")},
        expected_rows={"train": {"en": 130_319}, "dev": {"en": 11_873}},
        lengths={"train": _SQUAD_LENGTH},  # as SQuAD v1.1
        licence=Licence(
            data="SQuAD v2.0",
            source="rajpurkar/SQuAD-explorer; hub `rajpurkar/squad_v2`",
            terms="CC BY-SA 4.0",
        ),
    ),
    # A small stand-in for studies on a laptop.
    Task(
        name="squadshifts",
        type="span-qa",
        languages=(),
        has_train=True,
        main_metrics=_METRICS,
        folder=qa.squadshifts,
        settings=_SQUAD_SETTINGS,
        estimated_rows={"train": {"en": 7_190}},  # counted
        lengths={"train": _SQUAD_LENGTH},
        licence=SQUADSHIFTS_LICENCE,
    ),
)
