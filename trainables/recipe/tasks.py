"""What a recipe says of tasks: which one, which of its rows, and its part in a training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from trainables.outside.fields import CountOrZero
from trainables.recipe.canonical import Frozen
from trainables.recipe.likelihood import Likelihood
from trainables.recipe.perturbation import Perturbation
from trainables.recipe.sampling import Mixture
from trainables.recipe.vision import Alignment

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
    alignment: Alignment | None = None
    """How images and captions are aligned, in a training or evaluation of such a task; None in others."""
    likelihood: Likelihood | None = None
    """How the likelihood of answers is had, in task types that score by it; None in others."""
    counts_as: tuple[tuple[str, str], ...] | None = None
    """Labels that count as another one when predictions are scored, with that one; None: each is itself."""

    def counted(self, label: str) -> str:
        """What a label counts as when it is scored."""
        return dict(self.counts_as or ()).get(label, label)

    @property
    def title(self) -> str:
        """What a sweep file calls it: `udpos`, `udpos@first-visible`."""
        if self.likelihood is not None:
            return f"{self.name}@likelihood"
        return self.name if self.label_position is None else f"{self.name}@{self.label_position}"


class SplitRef(Frozen):
    """One split of a task in one language. `revision` is the identity of the bytes it is read from, and `reading`, of a
    task from a file, a digest of how they are read.

    "test" rows are those that are scored. "submission" rows are the benchmark's test set, where that has no labels and
    other rows are scored in its place: they are predicted only. "shots" stand in prompts before other rows.
    """

    split: Literal["train", "dev", "test", "pool", "submission", "shots"]
    language: str
    revision: str
    limit: int | None = Field(default=None, gt=0)
    """So many rows, drawn from all by a hash of their positions."""
    stands_in: Literal["dev"] | None = None
    """Of "test" rows: the split that they really are, where no labelled test set is there."""
    reading: str | None = None
    perturbation: Perturbation | None = None
    """Of test rows: how they are changed before they are encoded. None: they are read as they are."""

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
