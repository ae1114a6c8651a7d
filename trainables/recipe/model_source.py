"""What a model starts from: weights of the hub or of a directory, random ones, or those that a step has made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

from trainables.recipe.canonical import Frozen

Attention = Literal["causal", "bidirectional"]
"""Of a decoder: whether a token sees those before it alone, or all."""


class HubModel(Frozen):
    """A pretrained model of the hub at a commit."""

    hub: str
    revision: str
    attention: Attention | None = None
    """None: what its configuration says."""


class LocalModel(Frozen):
    """A model directory, by the hash of its files; where it lies is execution (`Execution.places`)."""

    sha256: str
    attention: Attention | None = None


class RandomInit(Frozen):
    """Random weights of an architecture, with a tokenizer that a step has trained.

    The architecture names its `model_type` where it is not XLM-R's."""

    architecture: dict[str, int | float | str | bool]
    tokenizer: str
    seed: int
    attention: Attention | None = None


class CheckpointRef(Frozen):
    """What a step of the store has under `model/`: the checkpoint of a training step, or just a tokenizer."""

    step: str
    over: ModelSource | None = None
    """Where the step has adapters alone: the model that they lie on."""


def _origin_tag(value: Any) -> str:
    fields = value if isinstance(value, dict) else type(value).model_fields
    for name in ("hub", "sha256", "architecture", "step"):
        if name in fields:
            return name
    return "unknown"


ModelSource = Annotated[
    Annotated[HubModel, Tag("hub")]
    | Annotated[LocalModel, Tag("sha256")]
    | Annotated[RandomInit, Tag("architecture")]
    | Annotated[CheckpointRef, Tag("step")],
    Discriminator(_origin_tag),
]
CheckpointRef.model_rebuild()


def required_steps(origin: HubModel | LocalModel | RandomInit | CheckpointRef) -> tuple[str, ...]:
    """Ids of the steps that must be in the store before `origin` can be loaded."""
    if isinstance(origin, CheckpointRef):
        return (origin.step, *(required_steps(origin.over) if origin.over is not None else ()))
    return (origin.tokenizer,) if isinstance(origin, RandomInit) else ()
