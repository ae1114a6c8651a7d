"""What a recipe says of test rows that are perturbed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trainables.recipe.canonical import Frozen

Kind = Literal["keyboard", "ocr", "diacritics", "swaps", "code-switching", "distractor", "entities"]
PERTURBATIONS_VERSION = 2
"""Raised by hand whenever code or tables change what unchanged rows become."""


class Dictionary(Frozen):
    """A bilingual dictionary, by the hash of its file; where it lies is execution (`Execution.dictionary_paths`)."""

    into: str
    """The language of its translations."""
    sha256: str


class Perturbation(Frozen):
    """How test rows are changed; labels stay true (`trainables.perturbations`)."""

    kind: Kind
    strength: float = Field(ge=0, le=1)
    """Share of what can be changed that is: of words; of rows (`distractor`); of entities (`entities`). What a weaker
    one changes a stronger one of the same seed changes, too."""
    seed: int
    version: int = PERTURBATIONS_VERSION
    keyboard: str | None = None
    """Of rows in one language, for `keyboard`: its layout, where it is not that of the script."""
    dictionaries: tuple[Dictionary, ...] | None = None
    """Of rows in one language, for `code-switching`: from it into the others. None: there is none, and they stay."""
