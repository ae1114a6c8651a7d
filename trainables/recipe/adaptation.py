"""Low-rank adaptation: what of a backbone is trained in place of all its weights (Hu et al. 2022, arXiv 2106.09685)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trainables.recipe.canonical import Frozen

ATTENTION: Literal["attention"] = "attention"
"""All projections of attention: of queries, keys and values, and that of its output."""
ALL_LINEAR: Literal["all-linear"] = "all-linear"
"""Every linear module of the backbone, as peft has it."""


class Lora(Frozen):
    """A pair of narrow matrices beside each module that it targets: W x becomes W x + alpha / rank * B A x, where A has
    `rank` rows and begins random, B begins with zeros, and W stays as it is."""

    rank: int = Field(gt=0)
    alpha: float = Field(gt=0)
    dropout: float = Field(ge=0, lt=1)
    """Probability of dropping an element of what A reads."""
    targets: Literal["attention", "all-linear"] | tuple[str, ...]
    """A word, or names of linear modules as peft takes them: each stands for all modules whose path ends with it."""

    def __str__(self) -> str:
        targets = self.targets if isinstance(self.targets, str) else " ".join(self.targets)
        dropout = f", dropout {self.dropout:g}" if self.dropout else ""
        return f"LoRA rank {self.rank}, alpha {self.alpha:g}{dropout}, on {targets}"

    def same_adapters(self, other: Lora) -> bool:
        """Whether adapters of one kind can be trained on as those of the other."""
        return (self.rank, self.alpha, self.targets) == (other.rank, other.alpha, other.targets)


class Adaptation(Frozen):
    """What is trained of the backbone, beside the heads; everything else of it is frozen."""

    lora: Lora
    carried: Literal[True] | None = None
    """The adapters of the checkpoint that the training starts from are trained on. None: that checkpoint's weights,
    with its adapters merged into them where it has any, are frozen under new ones."""
