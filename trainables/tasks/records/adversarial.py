"""Adversarial sets: each is an evaluation suite of a clean target (`Task.clean_of`), whose trained model it takes.

Adversarial SQuAD has each of its questions with the clean passage as well: `squad-clean` reads those, and is what the
other two are set against; questions pair by their ids. All others have rows of their own.
"""

from __future__ import annotations

from typing import Any

from trainables.metrics import adversarial_squad, multichecklist
from trainables.task_types import Length
from trainables.tasks.benchmarks import PAWSX
from trainables.tasks.records.glue import GLUE
from trainables.tasks.records.nli import NLI
from trainables.tasks.records.notation import each, words
from trainables.tasks.records.paraphrase import PARAPHRASE
from trainables.tasks.records.qa import QA
from trainables.tasks.sources import record_mappers
from trainables.tasks.sources.folder import adversarial, pairs
from trainables.tasks.sources.folder.multichecklist import suites
from trainables.tasks.sources.hub.table import CONVERTED, HubTable
from trainables.tasks.task import Licence, Task

_CLEAN = {task.name: task for task in (*NLI, *PARAPHRASE, *QA, *GLUE)}
CHECKLIST_LANGUAGES = words(
    "en af ar az bg bn de el es et eu fa fi fr gu ha he hi ht hu id it ja jv ka kk ko lt ml mr ms my nl pa pl pt qu ru "
    "sw ta te th tl tr uk ur vi wo yo zh"
)
_SQUAD_LICENCE = Licence(
    data="Adversarial SQuAD (AddSent, AddOneSent): 1,000 questions of SQuAD's dev set with clean and changed passages",
    source="robinjia/adversarial-squad; hub `stanfordnlp/squad_adversarial`",
    terms="MIT according to the hub card; SQuAD: CC BY-SA 4.0",
)
_ADVGLUE_LICENCE = Licence(
    data="AdvGLUE, dev set",
    source="AI-secure/adversarial-glue; hub `AI-Secure/adv_glue`",
    terms="CC BY-SA 4.0",
)
_ANLI_LICENCE = Licence(
    data="Adversarial NLI, the test set of a round",
    source="facebookresearch/anli; hub `facebook/anli`",
    terms="CC BY-NC 4.0",
)
_SQUAD_LENGTH = Length(194.5, features=1.01)  # as SQuAD; the sentence that is added: some 15 subwords


def _suite(clean: str, name: str, rows: int | None = None, **fields: Any) -> Task:
    """An English set against a clean target: what is not said here is as there.

    Args:
        rows: how many there are.
    """
    task = _CLEAN[clean]
    known = {"languages": ("en",), "expected_rows": {"test": {"en": rows}}} if rows is not None else {}
    return Task(
        **{
            "name": name,
            "type": task.type,
            "labels": task.labels,
            "trains_on": task.trains_on,
            "has_train": False,
            "clean_of": clean,
            "main_metrics": task.main_metrics,
            "settings": task.settings,
            **known,
            **fields,
        }
    )


def _squad(name: str, config: str, rows: int, *files: str, clean: bool = False) -> Task:
    mapper = record_mappers.clean_question if clean else record_mappers.question
    task = _suite(
        "xquad",
        name,
        rows,
        scorer=adversarial_squad.SCORER,
        clean_of=None if clean else "squad-clean",
        folder=adversarial.adversarial_squad(*files, clean=clean),
        hub=(
            HubTable(
                dataset="stanfordnlp/squad_adversarial",
                config=config,
                splits={"test": "validation"},
                revision=CONVERTED,
                mapper=mapper,
            ),
        ),
        lengths={"test": _SQUAD_LENGTH},
        licence=_SQUAD_LICENCE,
    )
    return task


def _advglue(clean: str, name: str, rows: int, part: str, config: str, length: Length, **columns: str) -> Task:
    return _suite(
        clean,
        name,
        rows,
        folder=adversarial.advglue(part, **columns),
        hub=(
            HubTable(
                dataset="AI-Secure/adv_glue",
                config=config,
                splits={"test": "validation"},
                columns={**columns, "id": "idx"},
            ),
        ),
        lengths={"test": length},
        licence=_ADVGLUE_LICENCE,
    )


def _anli(number: int, rows: int) -> Task:
    return _suite(
        "xnli",
        f"anli-r{number}",
        rows,
        folder=adversarial.anli_round(f"R{number}"),
        hub=(
            HubTable(
                dataset="facebook/anli",
                config="plain_text",
                splits={"test": f"test_r{number}"},
                columns={"text_a": "premise", "text_b": "hypothesis", "id": "uid"},
            ),
        ),
        lengths={"test": Length(110.0)},  # as ANLI
        licence=_ANLI_LICENCE,
    )


_NLI_COLUMNS = {"text_a": "premise", "text_b": "hypothesis"}

ADVERSARIAL = (
    _squad("squad-clean", "AddSent", 1000, adversarial.ADD_SENT, adversarial.ADD_ONE_SENT, clean=True),
    _squad("addsent", "AddSent", 3560, adversarial.ADD_SENT),
    _squad("addonesent", "AddOneSent", 1787, adversarial.ADD_ONE_SENT),
    # The lengths of AdvGLUE's parts are measured.
    _advglue("xnli", "adv-mnli", 121, "mnli", "adv_mnli", Length(47.8), **_NLI_COLUMNS),
    _advglue("xnli", "adv-mnli-mm", 162, "mnli-mm", "adv_mnli_mismatched", Length(62.9), **_NLI_COLUMNS),
    _advglue("qqp", "adv-qqp", 78, "qqp", "adv_qqp", Length(31.1), text_a="question1", text_b="question2"),
    _advglue("qnli", "adv-qnli", 148, "qnli", "adv_qnli", Length(56.2), text_a="question", text_b="sentence"),
    _advglue("rte", "adv-rte", 81, "rte", "adv_rte", Length(81.2), text_a="sentence1", text_b="sentence2"),
    _advglue("sst2", "adv-sst2", 148, "sst2", "adv_sst2", Length(28.1), text="sentence"),
    _anli(1, 1000),
    _anli(2, 1000),
    _anli(3, 1200),
    _suite(
        "xnli",
        "hans",
        30_000,
        counts_as={"neutral": "non-entailment", "contradiction": "non-entailment"},
        folder=adversarial.hans,
        hub=(
            HubTable(
                dataset="jhu-cogsci/hans",
                config="plain_text",
                splits={"test": "validation"},
                revision=CONVERTED,
                mapper=record_mappers.hans,
            ),
        ),
        lengths={"test": Length(25.0)},  # short sentences from templates
        licence=Licence(
            data="HANS, evaluation set",
            source="tommccoy1/hans; hub `jhu-cogsci/hans`",
            terms="MIT",
        ),
    ),
    _suite(
        "qqp",
        "qqp-pawsx",
        languages=PAWSX,
        folder=pairs.pawsx,
        hub=(
            HubTable(
                dataset="google-research-datasets/paws-x",
                config="{code}",
                splits={"test": "test"},
                languages=PAWSX,
                columns={"text_a": "sentence1", "text_b": "sentence2"},
            ),
        ),
        expected_rows={"test": each(PAWSX, 2000)},
        lengths=_CLEAN["pawsx"].lengths,
        licence=_CLEAN["pawsx"].licence,
    ),
    _suite(
        "xquad",
        "multichecklist",
        languages=CHECKLIST_LANGUAGES,
        scorer=multichecklist.SCORER,
        folder=suites,
        lengths={"test": Length(40.0)},  # two sentences and a question
        licence=Licence(
            data="MultiCheckList, six behaviours of question answering in 50 languages",
            source="google-research/xtreme, `multichecklist`; suites: gs://xtreme_translations/MultiCheckList",
            terms="Apache-2.0",
        ),
    ),
)
