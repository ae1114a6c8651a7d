"""What a task type says of itself without torch: its rows, what an evaluation needs, what it costs.

The other half of a type, which reads rows and trains, is a `TaskModeling` in the module `modeling` beside it; it is
imported when it is first asked for, so that a sweep is checked and planned without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import datasets

    from trainables.metrics.by_example import Shares
    from trainables.recipe.perturbation import Kind
    from trainables.recipe.tasks import TaskSpec
    from trainables.task_types.modeling import TaskModeling

Row = Mapping[str, Any]
"""One example, by column."""
Context = Literal["dev", "pool"]
Measure = Callable[[Mapping[str, Any]], "dict[str, Shares]"]
"""From predictions by example id: what each example adds to each metric."""


@dataclass(frozen=True)
class Column:
    """A column of a type's rows.

    Attributes:
        kind: one text, a list of texts, SQuAD's answers (texts and the characters at which they start), or an image
            (its encoded bytes, and maybe the path that they come from).
        identity: whether it makes a row what it is: two rows are the same when all such columns are.
        may_be_empty: whether a row may lack it.
        label: whether it says what is right. A row without labels has an empty one (`nothing`).
        values: the only texts that it may hold; none: any.
        ids: whether it holds ids of other rows.
        nullable: whether it is None, not "", in a row without labels, because "" says that there is none.
        aside: whether it is no text of the row: what the row is counted under, or another form of its texts.
    """

    kind: Literal["text", "texts", "answers", "image"] = "text"
    identity: bool = False
    may_be_empty: bool = False
    label: bool = False
    values: tuple[str, ...] = ()
    ids: bool = False
    nullable: bool = False
    aside: bool = False

    @property
    def nothing(self) -> Any:
        """What it holds in a row that lacks it."""
        if self.nullable:
            return None
        kinds: dict[str, Any] = {"text": "", "texts": [], "answers": {"text": [], "answer_start": []}, "image": None}
        return kinds[self.kind]

    def feature(self) -> Any:
        """Its type in a `datasets.Dataset`."""
        import datasets

        text = datasets.Value("string")
        if self.kind == "texts":
            return datasets.List(text)
        if self.kind == "image":
            return datasets.Image(decode=False)
        if self.kind == "answers":
            return {"text": datasets.List(text), "answer_start": datasets.List(datasets.Value("int32"))}
        return text


ID = Column()
"""The column `id`: unique within a split and language."""


@dataclass(frozen=True)
class Length:
    """What becomes of a row when it is encoded, in the mean: for estimates of cost."""

    subwords: float
    """Of a sequence: what the model reads at once, special tokens included."""
    sequences: int = 1
    """Of a feature: choices, or query and candidate."""
    features: float = 1.0
    """Of a row: windows over a context, or the two sides of a pair."""


class NoShares(ValueError):
    """The score of a task type is no sum over examples; the message says so."""


class TaskType:
    """One shape of task. Stateless: what varies is in the task and its rows.

    A subclass sets the class attributes, and overrides the methods where the usual answer is not its own.
    """

    name: ClassVar[str]
    modeling_class: ClassVar[str]
    """Where its `TaskModeling` is: `package.module:Class`."""
    version: ClassVar[int] = 1
    """Raised by hand whenever code changes what unchanged rows give (encoding, head, loss, prediction, metrics): then
    every step that reads this type is carried out anew, and no other."""
    columns: ClassVar[Mapping[str, Column]]
    """Of its rows, in order."""
    usual_length: ClassVar[Length]
    """Of a row of which no task says more."""

    least_length: ClassVar[int] = 8
    """Subwords that an input must have room for."""
    usual_metrics: ClassVar[tuple[str, ...]] = ()
    """The metrics whose mean is the score of a task, where its file says nothing."""
    other_metrics: ClassVar[tuple[str, ...]] = ()
    """Further metrics that a task file may name as its score."""

    reads_text: ClassVar[bool] = False
    """Whether its rows are plain text, in all its languages: for pretraining, tokenizers and language modelling beside
    an intermediate. It is never a target."""
    masks: ClassVar[bool] = False
    """Whether it puts a mask token in place of subwords, which the model's tokenizer must have."""
    predicts_next: ClassVar[bool] = False
    """Whether it predicts each subword from those before it, which alone the model must have read: a causal decoder."""
    whole_vocabulary: ClassVar[bool] = False
    """Whether training reads or predicts subwords that are in no feature: then the whole table of them is trained."""
    trained: ClassVar[bool] = True
    """Whether it can be trained; else it is only evaluated."""
    compares_vectors: ClassVar[bool] = False
    """Whether it has no head and needs no training: any training may come before it."""
    ranks_its_rows: ClassVar[bool] = False
    """Whether the candidates that it searches are the evaluated rows themselves: then it is always evaluated on all of
    them, because fewer candidates are an easier task."""
    searches: ClassVar[bool] = False
    """Whether it is retrieval: averages are given without such targets, too."""
    knows_chance: ClassVar[bool] = False
    """Whether a run that has collapsed to chance can be told from a weak one (`TaskModeling.chance`)."""
    fixed_labels: ClassVar[bool] = False
    """Whether its tasks have a fixed set of labels, which are the head's outputs; collated batches have their numbers
    under `labels`, of each sequence or (`labels_words`) of each token, negative where there is none."""
    chooses: ClassVar[bool] = False
    """Whether a head scores each of a row's choices, a sequence each; collated batches have how many a row has under
    `choices`, and the position of the right one under `labels`, negative where it is not known."""
    refers_to: ClassVar[tuple[str, ...]] = ()
    """Splits whose rows others refer to by their ids, which must then be unique. Elsewhere rows go by position where
    ids are not."""
    by_likelihood: ClassVar[str] = ""
    """Name of the type that reads the same rows by the likelihood of their answers (`TASK@likelihood`); none: ""."""
    continues_prompts: ClassVar[bool] = False
    """Whether it scores texts by their likelihood behind a prompt, which takes a model that predicts the next subword.
    It has no head, and is evaluated without training unless a target says what to train on."""
    perturbed: ClassVar[tuple[str, ...]] = ()
    """Columns of test rows whose words may be changed while the labels stay true (`trainables.perturbations`)."""
    labels_words: ClassVar[bool] = False
    """Whether its labels are those of words, each on one of the word's subwords (`TaskSpec.label_position`)."""
    context: ClassVar[tuple[Context, ...]] = ()
    """Splits that an evaluation reads besides the test rows: "dev" in every evaluated language, or the "pool"."""
    contrastive_group_size: ClassVar[int] = 1
    """Rows of a batch that are each other's negatives: their loss is computed together, so they are never separated."""
    loss_over_batch: ClassVar[bool] = False
    """Whether its loss is one of the global batch as a whole, all rows of which are each other's negatives: then it is
    computed from what the head says of all of them, wherever they were computed (`training.cached_gradients`)."""
    learns_from_translations: ClassVar[bool] = False
    """Of an objective on text: whether it reads pairs of a sentence and its translation only, and is selected by
    `accuracy`."""
    prepared_as: ClassVar[str] = ""
    """Name of the type whose prepared data it reads, where that is not its own."""

    # --- rows ------------------------------------------------------------------------------------------------

    def features(self) -> datasets.Features:
        """The columns as a `datasets.Dataset` has them."""
        import datasets

        return datasets.Features({name: column.feature() for name, column in self.columns.items()})

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that make a row what it is."""
        return tuple(name for name, column in self.columns.items() if column.identity)

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns that are read as text: all but ids, labels, images and what stands aside."""
        return tuple(
            name
            for name, one in self.columns.items()
            if not (name == "id" or one.label or one.aside or one.kind == "image")
        )

    @property
    def image_column(self) -> str | None:
        """The column that holds an image, if one does."""
        return next((name for name, column in self.columns.items() if column.kind == "image"), None)

    def key(self, row: Row) -> tuple[str, ...]:
        """What makes a row what it is, as texts."""
        return tuple(_joined(row[name]) for name in self.identity)

    def leak_key(self, row: Row) -> str | None:
        """The text of an evaluation row that must not be one of a training row; None where sharing it is no leak."""
        return self.key(row)[0]

    def is_labelled(self, row: Row) -> bool:
        """Whether a row can be scored. The public test sets of several benchmarks come without their labels."""
        return True

    def labels_of(self, row: Row) -> Sequence[str]:
        """The labels that a row has, for counting; none where rows have no label of a fixed set."""
        return ()

    def sought(self, row: Row) -> Sequence[str]:
        """Ids of the rows of the pool that are right for a row; none where there is no pool."""
        return ()

    def misplaced(self, row: Row) -> bool:
        """Whether the label of a row points at something that is not there, or does not fit what it labels."""
        return False

    def dangling(self, rows: Sequence[Row]) -> str | None:
        """The first id that the rows of a split refer to and that none of them has."""
        return None

    def tells_chance(self, task: TaskSpec) -> bool:
        """Whether the loss of a task tells a run at chance from a weak one."""
        return self.knows_chance

    def wrong_kind(self, kind: Kind, labels: Sequence[str]) -> str:
        """Why rows cannot be perturbed in this way, behind the task's name; "" where they can."""
        if not self.perturbed:
            return "has no words that can be changed"
        if kind == "distractor" and not {"context", "answers"} <= self.columns.keys():
            return "has no contexts with answers, where a sentence could distract"
        if kind == "entities" and not (self.labels_words and any(label.startswith("B-") for label in labels)):
            return "has no tags of entities (B-...)"
        return ""

    def parts_of(self, rows: datasets.Dataset) -> list[list[str]]:
        """The parts of the test set that each row counts in (`parts`); none in rows that were prepared before there was
        such a column."""
        return rows["parts"][:] if "parts" in rows.column_names else [[]] * len(rows)

    # --- cost ------------------------------------------------------------------------------------------------

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        """FLOPs of a forward pass: `blocks` are those of the encoder's blocks over all subwords."""
        return blocks

    # --- statistics ------------------------------------------------------------------------------------------

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        """Ids of the examples that count, and how predictions are measured example by example.

        Raises:
            NoShares: a score of this type is no sum over examples.
        """
        raise NoShares(f"{task.name}: a score of {self.name} is no sum over examples, so no interval is given")

    # --- the other half --------------------------------------------------------------------------------------

    def modeling(self) -> TaskModeling:
        """The half with torch: encoding, head, loss, prediction, score."""
        module, _, name = self.modeling_class.partition(":")
        made: TaskModeling = getattr(import_module(module), name)(self)
        return made


@dataclass(frozen=True)
class HeadWork:
    """What a head reads: for its FLOPs (2 for each weight that a number is multiplied by)."""

    tokens: float
    """Subwords of all sequences."""
    sequences: float
    hidden: int
    """Width of the encoder."""
    labels: int
    vocabulary: int
    images: float = 0.0
    """FLOPs of a vision tower over the images of all features."""

    def per_token(self, outputs: int) -> float:
        """A linear layer on every subword."""
        return self.tokens * 2.0 * self.hidden * outputs

    def per_sequence(self, outputs: int) -> float:
        """A dense layer and a linear one on one vector of every sequence."""
        return self.sequences * 2.0 * self.hidden * (self.hidden + outputs)


def _joined(value: Any) -> str:
    return value if isinstance(value, str) else "\n".join(value)
