"""What must be said of a run beside its score, or in its place: every table and figure carries it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sweeps.plan.graph import Cell
from sweeps.results.results import Results
from sweeps.spec.intermediate import NONE

SIGNS = {"collapsed": "†", "stopped": "‡"}
"""The sign of each kind of annotation. A run that has collapsed has a score, which counts; one that was stopped in a
selection has none."""


@dataclass(frozen=True)
class Annotation:
    """One training of a cell and what is to be known of it."""

    kind: str
    phase: str
    seed: int
    how: str

    @property
    def sign(self) -> str:
        return SIGNS[self.kind]


def annotations_of(results: Results, cell: Cell) -> Iterator[Annotation]:
    """The annotations of a cell's intermediate and target training."""
    for stopped in results.stopped_in(cell):
        yield Annotation("stopped", "target", cell.seed, str(stopped))
    for step, phase in trainings(results, cell):
        how = results.collapse_notes.collapsed(step)
        if how is not None:
            yield Annotation("collapsed", phase, cell.seed, how)


def trainings(results: Results, cell: Cell) -> Iterator[tuple[str, str]]:
    """The train steps that a cell's evaluation rests on and their phase, the last one first.

    The phase is the cell's: what is a target's training to one cell may be the intermediate of another.
    """
    target = next(one for one in results.spec.targets if one.task == cell.target)
    phases = ["target"] * len(target.trained_on) + ["intermediate"] * (cell.intermediate != NONE)
    for step in results.plan.behind(cell.evaluation):
        if results.plan.steps[step].kind.leaves_weights:
            yield step, phases.pop(0) if phases else "pretrain"
