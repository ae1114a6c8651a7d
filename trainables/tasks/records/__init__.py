"""The records of all tasks, a module for each group.

To add a task of this project, write its record into the module of its group; what a record says is described in
:mod:`trainables.tasks.task`. If its rows lie in files of a form that no other task has, write a function beside those
in :mod:`trainables.tasks.sources.folder` and name it as `folder`. Then name the task in `LICENCES.md`. The tests say in
one line for each record what it lacks.

Counts of rows are what a benchmark says, not what a folder has: google-research/xtreme and the data sets' own papers
and READMEs; UD-POS from XTREME's own files (dev) and, where they agree on dev, from the hub's ``google/xtreme`` (train,
test). Splits that this project holds out itself are not expected. Lengths are measured on up to 400 rows per language
as the task types encode them with XLM-R's tokenizer, in English for train, and the mean over all languages at hand for
test; of what could not be measured, they are those of the most similar task, which is named.
"""

from trainables.tasks.records.adversarial import ADVERSARIAL
from trainables.tasks.records.choice import CHOICE
from trainables.tasks.records.generated import GENERATED
from trainables.tasks.records.glue import GLUE
from trainables.tasks.records.images import IMAGES
from trainables.tasks.records.mmlu import MMLU
from trainables.tasks.records.nli import NLI
from trainables.tasks.records.paraphrase import PARAPHRASE
from trainables.tasks.records.qa import QA
from trainables.tasks.records.retrieval import RETRIEVAL
from trainables.tasks.records.tagging import TAGGING
from trainables.tasks.records.text import TEXT
from trainables.tasks.registry import add_tasks

for _group in (NLI, PARAPHRASE, GLUE, TAGGING, QA, RETRIEVAL, CHOICE, MMLU, TEXT, IMAGES, ADVERSARIAL, GENERATED):
    add_tasks(_group)
