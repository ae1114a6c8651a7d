"""The tasks that are text alone, plain and beside its English."""

from __future__ import annotations

from trainables.tasks.languages import FLORES
from trainables.tasks.records.gathered import GATHERED
from trainables.tasks.records.shapes import MASKED_LM, REAL, words
from trainables.tasks.task import Task

NTREX_LANGUAGES = words("en ar bg de el es eu fi fr hi id ja ko ru sw ta th tr ur vi zh")

TEXTS = (
    Task(name="ntrex", **REAL, **MASKED_LM, languages=NTREX_LANGUAGES, has_train=True),
    Task(name="flores", **REAL, **MASKED_LM, languages=tuple(FLORES), has_train=True),
    # The same, gathered from the distribution's packages by `python -m tools.corpora`.
    *(
        Task(name=name, **REAL, **MASKED_LM, languages=("en", *languages), has_train=True)
        for name, languages in GATHERED.items()
    ),
)
