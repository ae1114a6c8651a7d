"""Natural language inference: XNLI and what it is trained on, SNLI, ANLI, and small stand-ins."""

from __future__ import annotations

from trainables.task_types import Length
from trainables.tasks.benchmarks import XNLI
from trainables.tasks.hyperparameters import Defaults, jiant
from trainables.tasks.records.notation import each, without
from trainables.tasks.sources.folder import pairs
from trainables.tasks.sources.hub.table import HubTable
from trainables.tasks.task import Licence, Task

LABELS = ("entailment", "neutral", "contradiction")
_COLUMNS = {"text_a": "premise", "text_b": "hypothesis"}
_XNLI_LICENCE = Licence(
    data="XNLI dev and test, 15 languages",
    source="facebookresearch/XNLI; hub `facebook/xnli`",
    terms="CC BY-NC 4.0",
)
_XNLI_SETTINGS = {
    "jiant": jiant(256, 32, 1e-5, 2, "released"),
    "xtreme": Defaults(128, 32, 3e-5, 5, 100, warmup=0.0, weight_decay=0.0, source="xtreme, train_xnli.sh"),
    "xlmr-authors": Defaults(
        256, 128, 5e-6, 2, 1000, 5, source="xlmr-authors, fairseq#1367; length and epochs as jiant"
    ),
}
_MNLI_SETTINGS = {"jiant": jiant(256, 24, 2e-5, 2, "remembered")}
_MNLI_LENGTH = Length(43.0)  # measured on XNLI's English dev rows; MNLI is the same kind of text
_XNLI_TEST_LENGTH = Length(45.3)  # measured

NLI = (
    Task(
        name="xnli",
        type="pair-classification",
        languages=XNLI,
        labels=LABELS,
        placeholders=LABELS,
        trains_on=("mnli",),
        has_train=False,
        main_metrics=("accuracy",),
        folder=pairs.xnli,
        hub=(
            HubTable(
                dataset="facebook/xnli", config="{code}", splits={"test": "test"}, languages=XNLI, columns=_COLUMNS
            ),
        ),
        settings=_XNLI_SETTINGS,
        expected_rows={"test": each(XNLI, 5010)},
        lengths={"train": _MNLI_LENGTH, "test": _XNLI_TEST_LENGTH},
        licence=_XNLI_LICENCE,
    ),
    Task(
        name="mnli",
        type="pair-classification",
        languages=(),
        other_train_languages=without(XNLI),
        labels=LABELS,
        has_train=True,
        main_metrics=("accuracy",),
        folder=pairs.mnli,
        hub=(
            # Its training set as XNLI has it; in other languages it is the translation that came with XNLI, not
            # XTREME's.
            HubTable(
                dataset="facebook/xnli", config="{code}", splits={"train": "train"}, languages=XNLI, columns=_COLUMNS
            ),
            HubTable(dataset="nyu-mll/glue", config="mnli", splits={"dev": "validation_matched"}, columns=_COLUMNS),
        ),
        settings=_MNLI_SETTINGS,
        expected_rows={"train": each(XNLI, 392_702), "dev": {"en": 9815}},
        lengths={"train": _MNLI_LENGTH},
        licence=Licence(
            data="MultiNLI training set, as distributed with XNLI, and its matched dev set (a folder without it: "
            "XNLI's English dev set); translations by XNLI (hub) or XTREME (folder)",
            source="hub `facebook/xnli`, `nyu-mll/glue` (`mnli`); XTREME's `translate-train` files",
            terms="MultiNLI: mostly the OANC's licence, parts by genre; XNLI: CC BY-NC 4.0",
        ),
    ),
    Task(
        name="snli",
        type="pair-classification",
        languages=(),
        labels=LABELS,
        has_train=True,
        main_metrics=("accuracy",),
        folder=pairs.snli,
        hub=(
            HubTable(
                dataset="stanfordnlp/snli",
                config="plain_text",
                splits={"train": "train", "dev": "validation"},
                columns=_COLUMNS,
                labelled_only=True,
            ),
        ),
        settings=_MNLI_SETTINGS,
        expected_rows={"train": {"en": 549_367}, "dev": {"en": 9842}},
        lengths={"train": Length(32.5)},  # measured on its dev rows and their revisions
        licence=Licence(
            data="SNLI 1.0, train and dev",
            source="nlp.stanford.edu/projects/snli; hub `stanfordnlp/snli`",
            terms="CC BY-SA 4.0",
        ),
    ),
    Task(
        name="anli",
        type="pair-classification",
        languages=(),
        labels=LABELS,
        has_train=True,
        main_metrics=("accuracy",),
        folder=pairs.anli,
        hub=(
            HubTable(
                dataset="facebook/anli",
                config="plain_text",
                splits={"train": "train_r1+train_r2+train_r3", "dev": "dev_r1+dev_r2+dev_r3"},
                columns={**_COLUMNS, "id": "uid"},
            ),
        ),
        settings=_MNLI_SETTINGS,
        expected_rows={"train": {"en": 16_946 + 45_460 + 100_459}, "dev": {"en": 3200}},
        lengths={"train": Length(110.0)},  # as Cosmos QA: premises of several sentences, over hypotheses
        licence=Licence(
            data="Adversarial NLI, three rounds",
            source="facebookresearch/anli; hub `facebook/anli`",
            terms="CC BY-NC 4.0",
        ),
    ),
    Task(
        name="anli+",
        type="pair-classification",
        languages=(),
        labels=LABELS,
        parts=("anli", "mnli", "snli"),
        has_train=True,
        main_metrics=("accuracy",),
        settings={"jiant": jiant(256, 24, 2e-5, 2, "remembered")},
        expected_rows={
            "train": {"en": 16_946 + 45_460 + 100_459 + 392_702 + 549_367},
            "dev": {"en": 3200 + 2490 + 9842},
        },
        lengths={"train": Length(44.3)},  # its parts by their rows
        licence=Licence(
            data="ANLI, MultiNLI and SNLI together",
            source="as `anli`, `mnli`, `snli`",
            terms="as `anli`, `mnli`, `snli`",
        ),
    ),
    # Small stand-ins for studies on a laptop.
    Task(
        name="snli-cad",
        type="pair-classification",
        languages=(),
        labels=LABELS,
        has_train=True,
        main_metrics=("accuracy",),
        folder=pairs.snli_cad,
        settings=_MNLI_SETTINGS,
        estimated_rows={"train": {"en": 25_403}},  # counted
        lengths={"train": _MNLI_LENGTH},  # as MNLI
        licence=Licence(
            data="SNLI dev and test (in the copy of e-SNLI); counterfactually augmented SNLI, train and dev",
            source="OanaMariaCamburu/e-SNLI; acmi-lab/counterfactually-augmented-data",
            terms="SNLI: CC BY-SA 4.0, the e-SNLI repository: MIT; counterfactual data: Apache-2.0, their originals "
            "CC BY-SA 4.0",
        ),
    ),
    Task(
        name="xnli-dev",
        type="pair-classification",
        languages=(),
        other_train_languages=without(XNLI),
        labels=LABELS,
        has_train=True,
        main_metrics=("accuracy",),
        folder=pairs.xnli_dev,
        hub=(
            HubTable(
                dataset="facebook/xnli",
                config="en",
                splits={"train": "validation", "dev": "validation"},
                columns=_COLUMNS,
                group="premise",
                share=pairs.XNLI_DEV_DEV,
            ),
        ),
        settings=_XNLI_SETTINGS,
        estimated_rows={"train": {"en": 1_962}},  # counted
        lengths={"train": _MNLI_LENGTH, "test": _XNLI_TEST_LENGTH},
        licence=_XNLI_LICENCE,
    ),
)
