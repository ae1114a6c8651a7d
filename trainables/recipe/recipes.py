"""Recipe and Execution: what can change the numbers of a step, and what must not.

A *recipe* is everything that bears on the numbers of one piece of work; its fingerprint names the work in the
store. An *execution* is everything that must leave the numbers as they are (workers, ZeRO stage, micro-batches,
paths); it is recorded beside the result and never hashed. Recipes refer to the steps they build on by step id, so
a change far upstream changes every id below it.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from trainables.outside.fields import CountOrZero
from trainables.recipe.canonical import Frozen, fingerprint
from trainables.recipe.model_source import ModelSource, required_steps
from trainables.recipe.sampling import Mixture, Sampling

Precision = Literal["fp32", "bf16"]
FIRST_VISIBLE: Literal["first-visible"] = "first-visible"
"""`TASK@first-visible` is TASK with each word's label on the first of its subwords that is no bare space sign. Without
it the label is on the first subword, as in the reference; with XLM-R's tokenizer that is a space sign in 88 of 100
words of UD-POS in Chinese."""


class PoolingConfig(Frozen):
    """How a sentence becomes a vector without any training. Defaults are those of XTREME's reference for XLM-R."""

    layer: CountOrZero | None = None
    """The block whose output is read (0: the embeddings); without it, block 14 of 24, or the one at that depth."""
    pooling: Literal["mean", "first"] = "mean"
    """The mean over all tokens that are no padding, or the first token."""
    direction: Literal["from-english", "to-english"] = "from-english"
    """Which side asks: the English sentences or the others."""


class TaskSpec(Frozen):
    """What a step must know of a task: enough that workers need no registry."""

    name: str
    version: int
    """Of the meaning of its rows."""
    type: str
    """Name of its task type."""
    type_version: int = 1
    """Version of the task type: of the code that encodes, learns and scores."""
    source: str
    labels: tuple[str, ...] = ()
    scorer: str = ""
    """How predictions are scored, where it is not the task type's own way."""
    vectors: PoolingConfig | None = None
    """How sentences become vectors, in task types that compare them; None in others."""
    label_position: Literal["first-visible"] | None = None
    """Which subword of a word has its label, in task types that label words: the first that is no bare space sign, or
    (None) the first, whatever it is."""

    @property
    def title(self) -> str:
        """What a sweep file calls it: `udpos`, `udpos@first-visible`."""
        return self.name if self.label_position is None else f"{self.name}@{self.label_position}"


class SplitRef(Frozen):
    """One split of a task in one language. `revision` is the identity of the bytes it is read from, and `reading`, of a
    task from a file, a digest of how they are read.

    "test" rows are those that are scored. "submission" rows are the benchmark's test set, where that has no labels and
    other rows are scored in its place: they are predicted only.
    """

    split: Literal["train", "dev", "test", "pool", "submission"]
    language: str
    revision: str
    limit: int | None = Field(default=None, gt=0)
    """So many rows, drawn from all by a hash of their positions."""
    stands_in: Literal["dev"] | None = None
    """Of "test" rows: the split that they really are, where no labelled test set is there."""
    reading: str | None = None

    @property
    def name(self) -> str:
        return f"{self.split}-{self.language}"


class Corpus(Frozen):
    """Rows of one task, in some languages."""

    task: TaskSpec
    rows: tuple[SplitRef, ...] = Field(min_length=1)


class Selection(Frozen):
    """What picks the checkpoint: the mean of these metrics on the training language's dev rows."""

    metrics: tuple[str, ...] = Field(min_length=1)
    mode: Literal["max", "min"] = "max"

    def value(self, metrics: dict[str, float]) -> float:
        """The value to compare; larger is always better."""
        mean = sum(metrics[name] for name in self.metrics) / len(self.metrics)
        return mean if self.mode == "max" else -mean


class TrainTask(Frozen):
    """One task's part in a training: mostly the only one."""

    task: TaskSpec
    data: tuple[str, ...] = Field(min_length=1)
    """Ids of data steps; their rows are joined."""
    mixture: Mixture | None = None
    """Without it every row is read once before any is read again."""
    head: str
    """Parts with the same head share it."""
    select: Selection | None
    """None: its dev rows have no say in which checkpoint is the best, and are not read."""
    share: float | None = Field(default=None, gt=0, lt=1)
    """Share of all updates; without it, what the tasks with a share leave is divided by their rows."""

    @model_validator(mode="after")
    def _one_weight_each(self) -> TrainTask:
        if self.mixture is not None and len(self.mixture.weights) != len(self.data):
            raise ValueError(f"{len(self.mixture.weights)} weights for {len(self.data)} corpora")
        return self


class Optimisation(Frozen):
    """How a phase is trained. Defaults are those of the study's toolkit (jiant, August 2020) where it has them."""

    learning_rate: float = Field(default=1e-5, gt=0)
    batch_size: int = Field(default=32, gt=0)
    epochs: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, gt=0)
    warmup: float = Field(default=0.1, ge=0, le=1)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    adam_beta2: float = Field(default=0.999, gt=0, lt=1)
    adam_eps: float = Field(default=1e-8, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    attention_dropout: float = Field(default=0.1, ge=0, lt=1)
    evaluate_every: int = Field(default=1000, gt=0)
    patience: int | None = Field(default=None, gt=0)
    """Successive evaluations without a gain in the dev value after which training ends."""
    min_gain: float | None = Field(default=None, gt=0)
    """A rise of the dev value by no more than this is no gain; the best checkpoint is the best seen all the same."""
    collapse_patience: int | None = Field(default=None, gt=0)
    """Successive evaluations at chance (`ChanceLevel`), after warm-up, at which a run is stopped as collapsed."""
    reseed: int | None = Field(default=None, gt=0)
    """How many times a run that has collapsed is started again, each time with another seed."""
    precision: Precision = "fp32"

    @model_validator(mode="after")
    def _one_length(self) -> Optimisation:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either epochs or steps, not both and not neither")
        return self


# --- recipes -------------------------------------------------------------------------------------------------


class Recipe(Frozen):
    """All that can change the numbers of one piece of work. Each kind of step has a subclass."""

    kind: str
    """Name of the kind of step that carries it out (`trainables.steps`)."""
    version: ClassVar[int] = 1
    """Raised by hand whenever code changes what an unchanged recipe of this class gives. What a change of one task type
    does is said by that type's own version, which is in `TaskSpec`."""

    @property
    def slug(self) -> str:
        raise NotImplementedError

    @property
    def needs(self) -> tuple[str, ...]:
        """Ids of the steps that must be in the store first."""
        raise NotImplementedError

    @property
    def starts_from(self) -> ModelSource | None:
        """The model that it trains, evaluates or reads; None where it has to do with none."""
        return None

    @property
    def data_steps(self) -> tuple[str, ...]:
        """Ids of the data steps whose rows it reads."""
        return ()

    @property
    def selected_on(self) -> dict[str, tuple[str, ...]]:
        """Of a training: the data steps whose dev rows pick its checkpoint, by the name of their task, which is empty
        where there is one task only."""
        return {}

    @property
    def computes_in(self) -> Precision:
        """The precision of its forward passes."""
        return "fp32"

    @property
    def raw_tasks(self) -> tuple[TaskSpec, ...]:
        """Tasks whose rows it reads from where they lie, not from the store."""
        return ()

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the version of its class and every field that is set.

        What is None is left out, so that a field which a later version adds, and which is None where nothing asks for
        it, leaves the fingerprints of finished work as they are.
        """
        return fingerprint({"version": self.version, **self.model_dump(mode="json", exclude_none=True)})

    @cached_property
    def id(self) -> str:
        """A readable name and the first 16 digits of the fingerprint: the step's directory in the store."""
        return f"{re.sub(r'[^a-z0-9]+', '-', self.slug.lower()).strip('-')}-{self.fingerprint[:16]}"


class TokenizerRecipe(Recipe):
    """Train a Unigram tokenizer on text, the sentences of evaluation data left out."""

    kind: Literal["tokenizer"] = "tokenizer"
    corpora: tuple[Corpus, ...] = Field(min_length=1)
    exclude: tuple[Corpus, ...] = ()
    vocab_size: int = Field(gt=10)
    model_type: str | None = None
    """The kind of encoder whose special tokens it has; None: XLM-R."""

    @property
    def slug(self) -> str:
        return f"tokenizer-{'-'.join(corpus.task.name for corpus in self.corpora)}"

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    @property
    def raw_tasks(self) -> tuple[TaskSpec, ...]:
        return tuple(corpus.task for corpus in (*self.corpora, *self.exclude))


class DataRecipe(Recipe):
    """Read rows of a task, tokenise them once, and keep them as Arrow."""

    kind: Literal["data"] = "data"
    task: TaskSpec
    rows: tuple[SplitRef, ...]
    tokenizer: ModelSource
    max_length: int
    exclude: tuple[Corpus, ...] = ()
    """Evaluation data: rows of text that share a sentence with it are left out, and counted."""

    @property
    def slug(self) -> str:
        return f"data-{self.task.title}-{'-'.join(dict.fromkeys(r.split for r in self.rows))}"

    @property
    def needs(self) -> tuple[str, ...]:
        return required_steps(self.tokenizer)

    @property
    def starts_from(self) -> ModelSource:
        return self.tokenizer

    @property
    def raw_tasks(self) -> tuple[TaskSpec, ...]:
        return (self.task, *(corpus.task for corpus in self.exclude))


class TrainRecipe(Recipe):
    """One phase: fine-tune a backbone with new heads for its tasks; keep the best by dev metric.

    Which phase it is bears on no number, so it is not said here: the same training is an intermediate of one cell and
    the target of another, and is carried out once.
    """

    kind: Literal["train"] = "train"
    tasks: tuple[TrainTask, ...] = Field(min_length=1)
    sampling: Sampling | None = None
    """Of several tasks; each update is one task's."""
    start: ModelSource
    optimisation: Optimisation
    seed: int

    @model_validator(mode="after")
    def _tasks_fit(self) -> TrainRecipe:
        if (self.sampling is None) != (len(self.tasks) == 1):
            raise ValueError("several tasks need a sampling, and one task has none")
        if all(task.select is None for task in self.tasks):
            raise ValueError("no task says what picks the checkpoint")
        if all(task.share is not None for task in self.tasks):
            raise ValueError("one task at least must be without a share, to take the steps that are left")
        if sum(task.share or 0 for task in self.tasks) >= 1:
            raise ValueError("the shares leave no step for the other tasks")
        return self

    @property
    def data_steps(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(step for task in self.tasks for step in task.data))

    @property
    def starts_from(self) -> ModelSource:
        return self.start

    @property
    def selected_on(self) -> dict[str, tuple[str, ...]]:
        several = len(self.tasks) > 1
        return {task.task.title if several else "": task.data for task in self.tasks if task.select is not None}

    @property
    def computes_in(self) -> Precision:
        return self.optimisation.precision

    @property
    def slug(self) -> str:
        names = [task.task.title for task in self.tasks]
        return f"train-{'-'.join(names[:3])}{'-and-more' if len(names) > 3 else ''}-seed{self.seed}"

    @property
    def needs(self) -> tuple[str, ...]:
        return (*self.data_steps, *required_steps(self.start))


class EvaluateRecipe(Recipe):
    """Predict and score one task in some languages with one checkpoint."""

    kind: Literal["evaluate"] = "evaluate"
    task: TaskSpec
    data: str
    model: ModelSource
    languages: tuple[str, ...]
    precision: Precision = "fp32"

    @property
    def slug(self) -> str:
        return f"evaluate-{self.task.title}"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.data, *required_steps(self.model))

    @property
    def starts_from(self) -> ModelSource:
        return self.model

    @property
    def computes_in(self) -> Precision:
        return self.precision

    @property
    def data_steps(self) -> tuple[str, ...]:
        return (self.data,)
