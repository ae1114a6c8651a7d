"""Multiple choice: XCOPA, what it is trained on, other intermediates, and small stand-ins."""

from __future__ import annotations

from functools import partial

from trainables.recipe.likelihood import Prompt
from trainables.task_types import Length
from trainables.tasks.benchmarks import XCOPA
from trainables.tasks.hyperparameters import Defaults, jiant
from trainables.tasks.records.notation import each
from trainables.tasks.sources import record_mappers
from trainables.tasks.sources.folder import choice
from trainables.tasks.sources.hub.table import CONVERTED, HubTable
from trainables.tasks.task import Licence, Split, Task

# Prompts are those of lm-evaluation-harness (MIT; 0.4.13, `lm_eval/tasks`).
_GOES_ON = Prompt(question="{query}")
_SPLITS: dict[Split, str] = {"train": "train", "dev": "validation"}
_XCOPA_SETTINGS = {
    "xtreme": Defaults(128, 32, 3e-5, 5, warmup=0.0, weight_decay=0.0, source="xtreme, train_xcopa.sh"),
}
_HELLASWAG_SETTINGS = {"jiant": jiant(256, 24, 1e-5, 7, "remembered")}
_HELLASWAG_LENGTH = Length(91.4, sequences=4)  # measured on the dev rows
_HELLASWAG_LICENCE = Licence(
    data="HellaSwag, train and validation",
    source="rowanz/hellaswag; hub `Rowan/hellaswag`",
    terms="MIT",
)
_COSMOSQA_SETTINGS = {"jiant": jiant(256, 4, 1e-5, 15, "remembered")}
_COSMOSQA_LENGTH = Length(116.8, sequences=4)  # measured on the dev rows
_COSMOSQA_LICENCE = Licence(
    data="Cosmos QA, train and validation",
    source="wilburOne/cosmosqa; hub `allenai/cosmos_qa`",
    terms="CC BY 4.0 according to the hub card",
)
_SIQA_PROMPT = Prompt(question="Q: {prompt}\nA:")
_SIQA_LENGTH = Length(34.9, sequences=3)  # measured on the dev rows
_SIQA_LICENCE = Licence(
    data="Social IQa v1.4, train and dev",
    source="maartensap/social-iqa; hub `allenai/social_i_qa`",
    terms="not stated on the hub card",
)

CHOICE = (
    Task(
        name="xcopa",
        type="multiple-choice",
        languages=XCOPA,
        placeholders=("0",),  # in every row of XTREME-R's download
        trains_on=("siqa", "copa"),
        has_train=False,
        main_metrics=("accuracy",),
        folder=choice.copa,
        hub=tuple(
            HubTable(
                dataset="cambridgeltl/xcopa",
                config="{code}",
                splits={"test": "test", "shots": "validation"},
                languages=(language,),
                mapper=partial(record_mappers.copa, language=language),
            )
            for language in XCOPA
        ),
        prompt=_GOES_ON,
        shots=XCOPA,
        settings=_XCOPA_SETTINGS,
        expected_rows={"test": each(XCOPA, 500), "shots": each(XCOPA, 100)},
        version=2,
        lengths={"test": Length(27.3, sequences=2)},  # measured
        licence=Licence(
            data="XCOPA, 11 languages",
            source="cambridgeltl/xcopa; hub `cambridgeltl/xcopa`",
            terms="CC BY 4.0",
        ),
    ),
    Task(
        name="copa",
        type="multiple-choice",
        languages=(),
        has_train=True,
        main_metrics=("accuracy",),
        folder=choice.copa,
        prompt=_GOES_ON,
        hub=(HubTable(dataset="aps/super_glue", config="copa", splits=_SPLITS, mapper=record_mappers.copa),),
        settings=_XCOPA_SETTINGS,
        expected_rows={"train": {"en": 400}, "dev": {"en": 100}},
        lengths={"train": Length(25.5, sequences=2)},  # measured
        licence=Licence(
            data="COPA as in SuperGLUE, train and dev",
            source="super.gluebenchmark.com; hub `aps/super_glue` (`copa`)",
            terms="BSD-2-Clause",
        ),
    ),
    Task(
        name="siqa",
        type="multiple-choice",
        languages=(),
        has_train=True,
        main_metrics=("accuracy",),
        folder=choice.siqa,
        prompt=_SIQA_PROMPT,
        hub=(
            HubTable(
                dataset="allenai/social_i_qa",
                splits=_SPLITS,
                revision=CONVERTED,
                mapper=record_mappers.siqa,
            ),
        ),
        settings=_XCOPA_SETTINGS,
        expected_rows={"train": {"en": 33_410}, "dev": {"en": 1954}},
        lengths={"train": _SIQA_LENGTH},
        licence=_SIQA_LICENCE,
    ),
    Task(
        name="hellaswag",
        type="multiple-choice",
        languages=(),
        has_train=True,
        main_metrics=("accuracy",),
        folder=choice.hellaswag,
        prompt=_GOES_ON,
        hub=(
            HubTable(
                dataset="Rowan/hellaswag",
                splits=_SPLITS,
                mapper=record_mappers.hellaswag,
            ),
        ),
        settings=_HELLASWAG_SETTINGS,
        expected_rows={"train": {"en": 39_905}, "dev": {"en": 10_042}},
        lengths={"train": _HELLASWAG_LENGTH},
        licence=_HELLASWAG_LICENCE,
    ),
    Task(
        name="cosmosqa",
        type="multiple-choice",
        languages=(),
        has_train=True,
        main_metrics=("accuracy",),
        folder=choice.cosmosqa,
        hub=(
            HubTable(
                dataset="allenai/cosmos_qa",
                splits=_SPLITS,
                revision=CONVERTED,
                mapper=record_mappers.cosmosqa,
            ),
        ),
        settings=_COSMOSQA_SETTINGS,
        expected_rows={"train": {"en": 25_262}, "dev": {"en": 2985}},
        lengths={"train": _COSMOSQA_LENGTH},
        licence=_COSMOSQA_LICENCE,
    ),
    Task(
        name="commonsenseqa",
        type="multiple-choice",
        languages=(),
        has_train=True,
        main_metrics=("accuracy",),
        folder=choice.commonsenseqa,
        prompt=Prompt(question="Question: {prompt}\n{choices}\nAnswer:", answers="letters"),
        hub=(HubTable(dataset="tau/commonsense_qa", splits=_SPLITS, mapper=record_mappers.commonsenseqa),),
        settings={"jiant": jiant(256, 4, 1e-5, 10, "remembered")},
        expected_rows={"train": {"en": 9741}, "dev": {"en": 1221}},
        lengths={"train": Length(23.3, sequences=5)},  # measured (of three choices)
        licence=Licence(
            data="CommonsenseQA v1.11, random split (v1.0 is read too)",
            source="jonathanherzig/commonsenseqa; hub `tau/commonsense_qa`",
            terms="MIT according to the hub card",
        ),
    ),
    # Small stand-ins for studies on a laptop, for sets of which only the dev set is at hand.
    Task(
        name="hellaswag-dev",
        type="multiple-choice",
        languages=(),
        has_train=True,
        main_metrics=("accuracy",),
        folder=choice.dev_of(choice.hellaswag),
        prompt=_GOES_ON,
        settings=_HELLASWAG_SETTINGS,
        estimated_rows={"train": {"en": 9_076}},  # counted
        lengths={"train": _HELLASWAG_LENGTH},
        licence=_HELLASWAG_LICENCE,
    ),
    Task(
        name="cosmosqa-dev",
        type="multiple-choice",
        languages=(),
        has_train=True,
        main_metrics=("accuracy",),
        folder=choice.dev_of(choice.cosmosqa),
        settings=_COSMOSQA_SETTINGS,
        estimated_rows={"train": {"en": 2_673}},  # counted
        lengths={"train": _COSMOSQA_LENGTH},
        licence=_COSMOSQA_LICENCE,
    ),
    Task(
        name="siqa-dev",
        type="multiple-choice",
        languages=(),
        has_train=True,
        main_metrics=("accuracy",),
        folder=choice.dev_of(choice.siqa),
        prompt=_SIQA_PROMPT,
        settings=_XCOPA_SETTINGS,
        estimated_rows={"train": {"en": 1_754}},  # counted
        lengths={"train": _SIQA_LENGTH},
        licence=_SIQA_LICENCE,
    ),
)
