"""Search: translations among sentences (Tatoeba, BUCC), and a pool in all languages at once (LAReQA, Mewsli-X)."""

from __future__ import annotations

from trainables.task_types import Length
from trainables.tasks.benchmarks import BUCC, LAREQA, MEWSLIX, TATOEBA, TATOEBA_R
from trainables.tasks.hyperparameters import Defaults
from trainables.tasks.languages import ISO3
from trainables.tasks.records.notation import counts, each
from trainables.tasks.records.qa import SQUADSHIFTS_LICENCE
from trainables.tasks.sources.folder import dense, retrieval
from trainables.tasks.sources.hub.table import CONVERTED, HubTable
from trainables.tasks.task import Licence, Split, Task

_LAREQA_SETTINGS = {
    "xtreme": Defaults(256, 16, 2e-5, 3, warmup=0.0, weight_decay=0.0, source="xtreme, train_lareqa.sh"),
}
# Measured; train on SQuADShifts.
_LAREQA_LENGTHS: dict[Split, Length] = {
    "train": Length(110.5, sequences=2),
    "test": Length(17.9),
    "pool": Length(226.9),
}

RETRIEVAL = (
    Task(
        name="bucc2018",
        type="bitext-mining",
        languages=BUCC,
        has_train=False,
        main_metrics=("f1",),
        folder=retrieval.bucc,
        version=2,
        expected_rows={"dev": {"zh": 8624 + 13_589}},
        # Both sides; remembered from the shared task's overview (Zweigenbaum et al. 2018), where zh is as expected.
        estimated_rows={
            "dev": {"de": 72_947, "fr": 81_055, "ru": 118_225},
            "test": {"de": 813_206, "fr": 641_684, "ru": 1_019_254, "zh": 183_497},
        },
        lengths={"test": Length(26.4)},  # measured
        licence=Licence(
            data="BUCC 2018's sample (dev) and training (test) data, with English",
            source="comparable.limsi.fr/bucc2018; files only: `mteb/BUCC` of the hub has no dev data",
            terms="shared task, research use",
        ),
    ),
    Task(
        name="tatoeba",
        type="retrieval",
        languages=TATOEBA + TATOEBA_R,
        has_train=False,
        main_metrics=("accuracy",),
        folder=retrieval.tatoeba,
        hub=(
            # In these tables the sentence in the other language is the "source".
            HubTable(
                dataset="google/xtreme",
                config="tatoeba.{code}",
                splits={"test": "validation"},
                languages=TATOEBA,
                codes=ISO3,
                columns={"query": "target_sentence", "candidate": "source_sentence"},
            ),
            HubTable(
                dataset="mteb/tatoeba-bitext-mining",
                config="{code}-eng",
                splits={"test": "test"},
                languages=TATOEBA_R,
                codes=ISO3,
                revision=CONVERTED,
                columns={"query": "sentence2", "candidate": "sentence1"},
            ),
        ),
        expected_rows={
            "test": each(TATOEBA, 1000, "jv 205 ka 746 kk 575 ml 687 sw 390 ta 307 te 234 th 548"),
        },
        lengths={"test": Length(11.1, features=2.0)},  # measured
        licence=Licence(
            data="Tatoeba sentence pairs with English, 41 languages",
            source="facebookresearch/LASER; hub `google/xtreme` (`tatoeba.*`), `mteb/tatoeba-bitext-mining`",
            terms="sentences: CC BY 2.0 FR",
        ),
    ),
    Task(
        name="lareqa",
        type="dense-retrieval",
        languages=LAREQA,
        trains_on=("lareqa",),
        has_train=True,
        main_metrics=("map@20",),
        folder=dense.lareqa,
        hub=(
            HubTable(
                dataset="rajpurkar/squad",
                config="plain_text",
                splits={"train": "train", "dev": "validation"},
                mapper=dense.sentence_row,
            ),
        ),
        settings=_LAREQA_SETTINGS,
        expected_rows={"test": each(LAREQA, 1190), "pool": {"mul": 13_014}},
        estimated_rows={"train": {"en": 87_599}, "dev": {"en": 10_570}},  # SQuAD's, of which a few give no row
        lengths=_LAREQA_LENGTHS,
        licence=Licence(
            data="XQuAD-R, 11 languages; training on SQuAD v1.1",
            source="google-research-datasets/lareqa (files only); training: hub `rajpurkar/squad`",
            terms="CC BY-SA 4.0",
        ),
    ),
    Task(
        name="mewslix",
        type="dense-retrieval",
        languages=MEWSLIX,
        trains_on=("mewslix",),
        has_train=True,
        main_metrics=("map@20",),
        folder=dense.mewslix,
        settings={
            "xtreme": Defaults(64, 32, 1e-5, 2, 500, warmup=0.0, weight_decay=0.0, source="xtreme, train_mewslix.sh"),
        },
        expected_rows={
            "train": {"en": 167_719},
            "dev": {"en": 14_051},
            "test": counts("ar 1501 de 1551 en 1490 es 1552 fa 458 ja 1519 pl 1562 ro 672 ta 1567 tr 1215 uk 1537"),
            "pool": {"mul": 1_003_893},
        },
        # Its rows are as long as its settings let them be.
        lengths={"train": Length(64.0, sequences=2), "test": Length(64.0), "pool": Length(64.0)},
        licence=Licence(
            data="Mewsli-X, release of 2022-05-18: WikiNews test in 11 languages, English Wikipedia train and dev, a "
            "million entities",
            source="google-research/google-research, `dense_representations_for_entity_retrieval`; files only",
            terms="text: WikiNews CC BY 2.5, Wikipedia CC BY-SA 3.0",
        ),
    ),
    # A small stand-in for studies on a laptop: to retrieve SQuAD's sentences.
    Task(
        name="squadshifts-sentences",
        type="dense-retrieval",
        languages=(),
        has_train=True,
        main_metrics=("map@20",),
        folder=dense.squadshifts_sentences,
        settings=_LAREQA_SETTINGS,
        estimated_rows={"train": {"en": 7_190}},  # counted
        lengths=_LAREQA_LENGTHS,
        licence=SQUADSHIFTS_LICENCE,
    ),
)
