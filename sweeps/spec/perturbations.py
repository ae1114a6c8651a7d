"""The field `perturbations` of a sweep file: ways to change test rows whose labels stay true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from sweeps.spec.likelihood import WaySpec
from trainables.outside.fields import Label, Place, Seed
from trainables.outside.text import shown
from trainables.recipe.canonical import Frozen
from trainables.recipe.perturbation import Kind, Perturbation
from trainables.tasks.registry import Way

ALL = "all"
"""In place of a pair of languages: a folder with dictionaries of all others."""
CODE_SWITCHING = "code-switching"
Into = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{1,30}$")]
"""The code of a language, which is part of the names of files."""


class PerturbationSpec(Frozen):
    """One perturbation."""

    kind: Kind
    strength: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.1
    """Share of the words, rows (`distractor`) or entities (`entities`) that are changed, of those that can be."""
    seed: Seed = 1
    dictionaries: dict[Label, Place] = Field(default_factory=dict)
    """Of code-switching: a folder of dictionaries, or their files by pair of languages (`de-en`), or by the language of
    the rows where all go into one; in the sweep file one path is a folder, which among files stands under `all`."""
    into: Annotated[tuple[Into, ...], Field(min_length=1, max_length=1000)] | None = None
    """Of code-switching: the languages that words are switched to; without it, English."""

    @field_validator("dictionaries", mode="before")
    @classmethod
    def _one_folder(cls, value: Any) -> Any:
        return {ALL: value} if isinstance(value, str) else value

    @field_validator("into", mode="before")
    @classmethod
    def _one_language(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fields_of_the_kind(self) -> PerturbationSpec:
        if self.kind == CODE_SWITCHING:
            if not self.dictionaries:
                raise ValueError("code-switching needs dictionaries: a folder, or files by pair of languages")
            pairs = {name for name in self.dictionaries if name != ALL}
            if wrong := [name for name in pairs if not self._is_pair(name)]:
                first, into = sorted(wrong)[0], self.switched_into
                pair = f"LANGUAGE-{into[0]}" + (" or LANGUAGE" if len(into) == 1 else "")
                raise ValueError(f"dictionaries: {shown(first)} is no pair into {', '.join(into[:5])}; write {pair}")
            if twice := [one for one in self.switched_into if self.switched_into.count(one) > 1]:
                raise ValueError(f"into: {shown(twice[0])} stands there twice")
        elif self.dictionaries or self.into is not None:
            name = "dictionaries" if self.dictionaries else "into"
            raise ValueError(f"{name}: is of code-switching alone, and has no effect in {self.kind}")
        return self

    def _is_pair(self, name: str) -> bool:
        into = self.switched_into
        return any(name.endswith(f"-{one}") and len(name) > len(one) + 1 for one in into) or (
            len(into) == 1 and "-" not in name
        )

    @property
    def switched_into(self) -> tuple[str, ...]:
        """The languages that words are switched to."""
        return self.into or ("en",)

    def file_of(self, language: str, into: str) -> str | None:
        """The dictionary of a pair, where one is named."""
        alone = self.dictionaries.get(language) if len(self.switched_into) == 1 else None
        return self.dictionaries.get(f"{language}-{into}", alone)

    @property
    def perturbation(self) -> Perturbation:
        """As recipes have it."""
        return Perturbation(kind=self.kind, strength=self.strength, seed=self.seed)


def ways_of(
    likelihood: Mapping[str, WaySpec], perturbations: Mapping[str, PerturbationSpec]
) -> dict[str, Way | Perturbation]:
    """All ways of a sweep file to read a task, as the registry of tasks has them."""
    return {
        **{name: one.way for name, one in likelihood.items()},
        **{name: one.perturbation for name, one in perturbations.items()},
    }
