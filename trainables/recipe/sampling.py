"""What share of a training each corpus, language and task has."""

from __future__ import annotations

from pydantic import Field

from trainables.recipe.canonical import Frozen


class Mixture(Frozen):
    """How the rows of several corpora in several languages share the batches (`batching.MixtureSampler`)."""

    weights: tuple[float, ...]
    """How much a row of each corpus counts, in the order of the recipe's `data`."""
    alpha: float = Field(gt=0, le=1)
    """Languages are drawn with a probability proportional to (their weighted rows) ** alpha (Conneau & Lample 2019)."""
    translations: float | None = Field(default=None, ge=0, le=1)
    """Share of translation rows in languages that have such; without it, as many as there are."""


class Sampling(Frozen):
    """How often each of several tasks has its turn: in proportion to min(rows, cap) ** (1 / temperature), the
    examples-proportional mixing of T5 (Raffel et al. 2020, section 3.5.2)."""

    cap: int | None = Field(default=None, gt=0)
    temperature: float = Field(default=1.0, ge=1)
