"""The fields of an intermediate in a sweep file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sweeps.spec.training import CAUSAL_LM, MASKED_LM, LmSpec
from sweeps.spec.vision import VisionSpec
from trainables.models.shape import ModelShape
from trainables.outside.fields import Count, Label
from trainables.recipe.canonical import Frozen
from trainables.task_types import get_task_type
from trainables.tasks import get_task
from trainables.tasks.registry import way_of

NONE = "none"
"""The intermediate that is no intermediate: the baseline of every difference."""


class IntermediateSpec(Frozen):
    """An intermediate: one task, or several at once; `none` is no task at all.

    A task is written `mnli`, or with the languages of its train rows, `mnli@sw` or `mnli@de+ru+sw`; one with tags on
    first visible subwords `udpos@first-visible` or `udpos@first-visible@de`; multiple choice by likelihood
    `siqa@likelihood`. Whatever the languages, its checkpoint is picked on dev rows of the task's own language.
    """

    name: Label
    tasks: Annotated[tuple[Label, ...], Field(max_length=1000)] = ()
    cap: Count | None = None
    """Of several tasks: rows beyond so many count for nothing when the updates are divided."""
    temperature: Annotated[float, Field(strict=True, ge=1, le=1e6)] | None = None
    """Of several tasks: their shares of the updates are proportional to rows ** (1 / temperature); 1 without it."""
    heads: Literal["own", "shared"] | None = None
    """Of several tasks: whether each has a head of its own (so without it), or those with equal labels share one."""
    lm: LmSpec | None = None
    """Language modelling beside the tasks: causal for decoders, masked for encoders."""
    mlm: LmSpec | None = None
    """The same, and masked for every model."""
    vision: VisionSpec | None = None
    """Of image-text: its vision tower, where it is not the sweep's."""
    captions_of: Label | None = None
    """Instead of tasks: the captions of an image-text intermediate of this sweep, without the images. Texts, rows of an
    update and updates are that one's, so what differs is the images."""
    objective: Literal["translation-ranking", "masked-lm"] | None = None
    """Of captions: what is learnt from them; without it, translation ranking, of each caption and that of the same
    image in the next language."""
    updates_of: Label | None = None
    """An intermediate of this sweep whose number of updates and rows of an update this one has, too. Where both are one
    task in different languages, it also has as many train rows in all, if those of the other have a `train_limit`."""

    @property
    def is_none(self) -> bool:
        return self.name == NONE

    @property
    def text(self) -> LmSpec | None:
        """What is read beside the tasks."""
        return self.lm or self.mlm

    def text_objective(self, shape: ModelShape | None) -> str:
        """The objective on `text` of a model of this shape; one that is not known is taken to be an encoder."""
        return CAUSAL_LM if self.lm is not None and shape is not None and shape.is_decoder else MASKED_LM

    @property
    def matched_to(self) -> str | None:
        """The intermediate whose updates and rows of an update it has."""
        return self.captions_of or self.updates_of

    def in_other_languages_than(self, other: IntermediateSpec) -> bool:
        """Whether it is one task alone, and `other` the same in other languages."""
        tasks = [one.tasks[0] if len(one.tasks) == 1 and one.text is None else "" for one in (self, other)]
        return tasks[0] != tasks[1] and in_languages(tasks[0])[0] == in_languages(tasks[1])[0]

    @property
    def role(self) -> Literal["none", "image-text", "caption-only", "text"]:
        """Its part in the question whether images help."""
        if self.is_none:
            return "none"
        if self.captions_of is not None:
            return "caption-only"
        return "image-text" if self.has_images else "text"

    @property
    def has_images(self) -> bool:
        """Whether it is trained on images."""
        tasks = () if self.is_none else (get_task(in_languages(name)[0]) for name in self.tasks)
        return any(get_task_type(task.type).image_column for task in tasks)


def in_languages(name: str) -> tuple[str, tuple[str, ...]]:
    """A task as an intermediate names it, and the languages of its train rows (none: the task's own).

    >>> in_languages("mnli@de+sw")
    ('mnli', ('de', 'sw'))
    >>> in_languages("udpos@first-visible")
    ('udpos@first-visible', ())
    """
    task, at, languages = name.rpartition("@")
    return (task, tuple(languages.split("+"))) if at and not way_of(name) else (name, ())
