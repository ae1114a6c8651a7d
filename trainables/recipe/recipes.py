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

from trainables.recipe.adaptation import Adaptation
from trainables.recipe.canonical import Frozen, fingerprint
from trainables.recipe.model_source import CheckpointRef, ModelSource, required_steps
from trainables.recipe.optimisation import Optimisation, Precision
from trainables.recipe.sampling import Sampling
from trainables.recipe.tasks import Corpus, SplitRef, TaskSpec, TrainTask
from trainables.recipe.vision import VisionTower


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
        """Ids of the steps that must be in the store first: by default the data and the model that it reads."""
        return (*self.data_steps, *(required_steps(self.starts_from) if self.starts_from is not None else ()))

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
    tower: VisionTower | None = None
    """What reads the images of rows: they are resized and cropped as it wants them. None where rows have none."""
    shots: Corpus | None = None
    """Rows that stand with their answers before each row (`Likelihood.shots`): in one language for all, or in each."""

    @property
    def slug(self) -> str:
        return f"data-{self.task.title}-{'-'.join(dict.fromkeys(r.split for r in self.rows))}"

    @property
    def starts_from(self) -> ModelSource:
        return self.tokenizer

    @property
    def raw_tasks(self) -> tuple[TaskSpec, ...]:
        shots = () if self.shots is None else (self.shots.task,)
        return (self.task, *(corpus.task for corpus in self.exclude), *shots)


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
    adaptation: Adaptation | None = None
    """None: all weights of the backbone are trained."""
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
        carried = self.adaptation is not None and self.adaptation.carried
        if carried and (not isinstance(self.start, CheckpointRef) or self.start.over is None):
            raise ValueError("there are no adapters to be carried on: it does not start from a checkpoint of such")
        return self

    @property
    def base(self) -> ModelSource:
        """The model that is loaded whole: where it carries adapters on, the one that they lie on."""
        if self.adaptation is not None and self.adaptation.carried:
            assert isinstance(self.start, CheckpointRef)
            assert self.start.over is not None
            return self.start.over
        return self.start

    @property
    def taken_over(self) -> str:
        """What crosses to it from the phase before, in words, where adapters are in either; else empty."""
        if not isinstance(self.start, CheckpointRef):
            return ""
        if self.start.over is None:
            return "new adapters on a checkpoint trained in full" if self.adaptation is not None else ""
        if self.adaptation is None:
            return "in full, from merged adapters"
        return "adapters carried on" if self.adaptation.carried else "new adapters on merged ones"

    @property
    def checkpoint(self) -> CheckpointRef:
        """What it leaves: all weights, or adapters over `base`."""
        return CheckpointRef(step=self.id, over=self.base if self.adaptation is not None else None)

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
    def starts_from(self) -> ModelSource:
        return self.model

    @property
    def computes_in(self) -> Precision:
        return self.precision

    @property
    def data_steps(self) -> tuple[str, ...]:
        return (self.data,)
