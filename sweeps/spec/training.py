"""The fields of a sweep file that say how something is trained, and on which text."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from trainables.outside.fields import Code, Count, Fraction, Label, Positive, Share
from trainables.recipe.adaptation import ALL_LINEAR, ATTENTION, Lora
from trainables.recipe.canonical import Frozen

FULL = "full"
"""The adaptation that is none: all weights are trained."""
MASKED_LM = "masked-lm"
"""The usual objective on text, and the one beside an intermediate."""
CAUSAL_LM = "causal-lm"
"""That of decoders."""

MaxLength = Annotated[int, Field(strict=True, ge=8, le=1_000_000)]
"""Subwords of a row; the model's positions are a further bound."""
ZeroToOne = Annotated[float, Field(strict=True, ge=0, le=1)]
ModuleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=200)]
"""The end of a module's path, or all of it."""
Languages = Annotated[tuple[Code, ...], Field(min_length=1, max_length=1000)]
Tasks = Annotated[tuple[Label, ...], Field(min_length=1, max_length=1000)]


class LoraSpec(Frozen):
    """Adapters of low rank: `trainables.recipe.adaptation.Lora`."""

    rank: Annotated[int, Field(strict=True, gt=0, le=100_000)] = 16
    alpha: Positive | None = None
    """Twice the rank without it."""
    dropout: Fraction = 0.0
    targets: Annotated[tuple[ModuleName, ...], Field(min_length=1, max_length=100)] = (ATTENTION,)
    """Names of linear modules, or one of the words `attention` and `all-linear`; one may stand without the list."""

    @field_validator("targets", mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("targets")
    @classmethod
    def _word_alone(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in (ATTENTION, ALL_LINEAR):
            if word in value and len(value) > 1:
                raise ValueError(f"{word} stands for many and cannot be in a list with others; give it alone")
        return tuple(dict.fromkeys(value))

    def lora(self) -> Lora:
        """What recipes hold of it."""
        alpha = 2.0 * self.rank if self.alpha is None else self.alpha
        word = next((word for word in (ATTENTION, ALL_LINEAR) if self.targets == (word,)), None)
        return Lora(rank=self.rank, alpha=alpha, dropout=self.dropout, targets=word or self.targets)


class AdaptationSpec(Frozen):
    """What is trained of the backbone: adapters, or with `full` in place of all this, all of it."""

    lora: LoraSpec | None
    between_phases: Literal["merged", "carried"] = "merged"
    """What a training takes over of a checkpoint that has adapters: its weights with them merged, under new adapters;
    or the adapters themselves, which it trains on."""


class Training(Frozen):
    """How a task is trained: fields of the recipe's optimisation, and which rows are read.

    What is not given comes from `all`, then from the task's own defaults.
    """

    learning_rate: tuple[Positive, ...] | None = Field(default=None, min_length=1, max_length=100)
    """One; or several among which each of a target's cells takes the one that is best on its dev rows."""
    batch_size: Count | None = None
    epochs: Positive | None = None
    steps: Count | None = None
    max_length: MaxLength | None = None
    warmup: ZeroToOne | None = None
    weight_decay: Annotated[float, Field(strict=True, ge=0, le=1e9)] | None = None
    clip: Positive | None = None
    adam_beta2: Share | None = None
    adam_eps: Positive | None = None
    dropout: Fraction | None = None
    attention_dropout: Fraction | None = None
    evaluate_every: Count | None = None
    patience: Count | None = None
    min_gain: Positive | None = None
    precision: Literal["fp32", "bf16", "auto"] | None = None
    """`auto`: what the devices are best at, settled once for the sweep (`sweeps.state.precision`)."""
    adaptation: AdaptationSpec | None = None
    """`full`, or `{lora: ...}`; as a whole, so that of a task does not add to that of all."""
    train_limit: Count | None = None
    dev_limit: Count | None = None

    @field_validator("adaptation", mode="before")
    @classmethod
    def _full(cls, value: Any) -> Any:
        if isinstance(value, str) and value != FULL:
            raise ValueError("give full, or a mapping: {lora: {rank: 16}}")
        return {"lora": None} if value == FULL else value

    @field_validator("learning_rate", mode="before")
    @classmethod
    def _one_rate(cls, value: Any) -> Any:
        return value if value is None or isinstance(value, list | tuple) else (value,)

    def given(self) -> dict[str, Any]:
        """The fields that are set."""
        given = self.model_dump(exclude_none=True)
        return given if self.adaptation is None else {**given, "adaptation": self.adaptation}


class TextSpec(Frozen):
    """Which text is read: that of text tasks, in all their languages or in `languages` where they have them."""

    corpora: Tasks
    languages: Languages | None = None
    exclude: tuple[Label, ...] = ()
    """Tasks whose evaluation sentences are taken out of the text, in its languages and in the tasks' first one."""


class TokenizerSpec(TextSpec):
    """A Unigram tokenizer, trained on text."""

    vocab_size: int = Field(strict=True, gt=100, le=10_000_000)
    limit: Count | None = None
    """Rows read of each corpus in each language, drawn by position."""


class MixtureSpec(TextSpec):
    """Text of several corpora and languages, and how they share the batches."""

    weights: dict[Label, Positive] = Field(default_factory=dict)
    """By corpus, how much one of its rows counts beside those of others; 1 where nothing is said."""
    alpha: Annotated[float, Field(strict=True, gt=0, le=1)] | None = None
    """Languages are drawn with a probability proportional to their rows to this power; without it, every row is read
    once an epoch."""
    translations: ZeroToOne | None = None
    """Share of translation rows (TLM) in languages that have such; needs `alpha`."""


class PretrainSpec(Training, MixtureSpec):
    """Phase one: learning from text alone."""

    objective: Label = MASKED_LM
    """The task type that is learnt from the text: `masked-lm`, `causal-lm`, `translation-ranking`,
    `word-ranking`."""


class LmSpec(MixtureSpec):
    """Language modelling beside an intermediate task, so that the languages are not forgotten."""

    share: Share
    """Share of the updates that are language modelling. They come on top: the task has as many steps as without."""
    max_length: MaxLength = 256
    train_limit: Count | None = None
