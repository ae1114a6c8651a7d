"""MMLU, English, and its test set in other languages: MMMLU and Global-MMLU.

Of MMLU the rows of "train" are its auxiliary training set, those of "dev", which pick a checkpoint, its validation set,
and "shots" are what it calls dev: five rows of each of the 57 subjects, made to stand in prompts. MMMLU has test rows
alone, so its English rows are MMLU's. Prompts are those of lm-evaluation-harness (MIT; `mmlu/default`, 0.4.13), where
Global-MMLU has no description, and that of MMMLU also names the language.
"""

from __future__ import annotations

from trainables.recipe.likelihood import Prompt
from trainables.task_types import Length
from trainables.tasks.hyperparameters import Defaults
from trainables.tasks.records.notation import each, words
from trainables.tasks.sources import mmlu_mappers
from trainables.tasks.sources.folder import mmlu
from trainables.tasks.sources.hub.table import HubTable
from trainables.tasks.task import Licence, Split, Task

GLOBAL = words(
    "en am ar bn cs de el es fa fil fr ha he hi id ig it ja ko ky lt mg ms ne nl ny pl pt ro ru si sn so sr sv sw te "
    "tr uk vi yo zh"
)
QUESTION = "{prompt}\n{choices}\nAnswer:"
DESCRIBED = Prompt(
    question=QUESTION,
    description="The following are multiple choice questions (with answers) about {subject}.\n\n",
    answers="letters",
)
_SETTINGS = {
    "own": Defaults(
        512, 32, 1e-5, 1, evaluate_every=500, patience=5, source="own; long passages of RACE lose their beginning"
    )
}
_LENGTHS: dict[Split, Length] = {"train": Length(400.0, sequences=4), "test": Length(110.0, sequences=4)}
QUESTIONS = 14_042

MMLU = (
    Task(
        name="mmlu",
        type="multiple-choice",
        languages=("en",),
        trains_on=("mmlu",),
        has_train=True,
        main_metrics=("accuracy",),
        prompt=DESCRIBED,
        shots=("en",),
        folder=mmlu.mmlu,
        hub=(
            HubTable(
                dataset="cais/mmlu",
                config="all",
                splits={"train": "auxiliary_train", "dev": "validation", "test": "test", "shots": "dev"},
                mapper=mmlu_mappers.mmlu,
            ),
        ),
        settings=_SETTINGS,
        expected_rows={
            "train": {"en": 99_842},
            "dev": {"en": 1531},
            "test": {"en": QUESTIONS},
            "shots": {"en": 285},
        },
        lengths=_LENGTHS,
        licence=Licence(
            data="MMLU: auxiliary training, validation, dev and test sets",
            source="hendrycks/test; hub `cais/mmlu`",
            terms="MIT",
        ),
    ),
    Task(
        name="mmmlu",
        type="multiple-choice",
        languages=tuple(mmlu.LOCALES),
        trains_on=("mmlu",),
        has_train=False,
        main_metrics=("accuracy",),
        prompt=DESCRIBED,
        folder=mmlu.mmmlu,
        hub=(
            HubTable(
                dataset="openai/MMMLU",
                splits={"test": "test/mmlu_{code}.csv"},
                languages=tuple(mmlu.LOCALES),
                codes=mmlu.LOCALES,
                mapper=mmlu_mappers.mmmlu,
            ),
        ),
        settings=_SETTINGS,
        expected_rows={"test": each(tuple(mmlu.LOCALES), QUESTIONS)},
        lengths=_LENGTHS,
        licence=Licence(data="MMMLU, 14 languages", source="hub `openai/MMMLU`", terms="MIT"),
    ),
    Task(
        name="global-mmlu",
        type="multiple-choice",
        languages=GLOBAL,
        trains_on=("mmlu",),
        has_train=False,
        main_metrics=("accuracy",),
        prompt=Prompt(question=QUESTION, answers="letters"),
        shots=GLOBAL,
        folder=mmlu.global_mmlu,
        hub=(
            HubTable(
                dataset="CohereLabs/Global-MMLU",
                config="{code}",
                splits={"test": "test", "shots": "dev"},
                languages=GLOBAL,
                mapper=mmlu_mappers.global_mmlu,
            ),
        ),
        settings=_SETTINGS,
        expected_rows={"test": each(GLOBAL, QUESTIONS), "shots": each(GLOBAL, 285)},
        lengths=_LENGTHS,
        licence=Licence(
            data="Global-MMLU, 42 languages, with marks of cultural sensitivity",
            source="hub `CohereLabs/Global-MMLU`",
            terms="Apache-2.0",
        ),
    ),
)
