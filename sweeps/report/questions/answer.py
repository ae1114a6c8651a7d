"""What an answer consists of: a claim, what it rests on, tables, figures, and what may not be concluded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sweeps.report.figures import signed
from sweeps.report.narrative import p_text
from sweeps.report.statistics import LEVEL, Difference, holm
from sweeps.spec.fields import Question


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float
    p: float | None = None
    adjusted: float | None = None
    """The p-value by Holm over its table."""
    plus: bool = True
    """Whether it is shown with its sign."""

    @classmethod
    def of(cls, found: Difference, plus: bool = True) -> Estimate:
        return cls(found.value, *found.interval, found.p if plus else None, None, plus)

    @property
    def sure(self) -> bool:
        """Whether it holds at the level after Holm's correction."""
        return self.adjusted is not None and self.adjusted < LEVEL

    @property
    def number(self) -> str:
        return self.shown(self.value) + ("*" if self.sure else "")

    @property
    def interval(self) -> str:
        return f"{self.shown(self.low)} to {self.shown(self.high)}"

    def __str__(self) -> str:
        return f"{self.number} ({self.interval})"

    def shown(self, value: float) -> str:
        """One of its numbers as it is written."""
        return signed(value) if self.plus else f"{value:.1f}".replace("-", "−")


Cell = Estimate | str | int | float | None
"""Of a table; None: not there."""


@dataclass(frozen=True)
class Table:
    """Rows of an answer. The first column says what a row is of."""

    name: str
    """Of its file."""
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def numeric(self, column: int) -> bool:
        """Whether a column has numbers."""
        return any(isinstance(row[column], Estimate | int | float) for row in self.rows)


class Drawing(Protocol):
    """A figure: see `sweeps.report.figures.HeatMap`."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def caption(self) -> str: ...
    @property
    def text(self) -> str: ...
    def draw(self) -> tuple[bytes, str, float]: ...


@dataclass(frozen=True)
class Answer:
    """The section of one question. A reader first sees the first sentence of its claim, and its first figure."""

    question: Question
    title: str
    """The question in words."""
    claim: tuple[str, ...]
    facts: Mapping[str, str]
    """n, what was held fixed, what was chosen on what, what collapsed."""
    figures: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    cautions: tuple[str, ...] = ()
    """What may not be concluded."""


def corrected(found: Sequence[Estimate | None]) -> list[Estimate | None]:
    """Estimates with their p-values by Holm over all of them, in their order."""
    values = iter(holm([one.p for one in found if one is not None and one.p is not None]))
    return [
        one if one is None or one.p is None else Estimate(one.value, one.low, one.high, one.p, next(values), one.plus)
        for one in found
    ]


def cell_text(cell: Cell) -> str:
    """A cell as tables of text have it."""
    if cell is None:
        return "…"
    if isinstance(cell, float):
        return f"{cell:.1f}".replace("-", "−")
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def p_of(found: Estimate | None) -> str:
    """The corrected p-value, for a column of its own."""
    return p_text(found.adjusted if found.adjusted is not None else found.p) if found else "…"
