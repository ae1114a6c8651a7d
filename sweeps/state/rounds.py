"""Which cells of a sweep were run because earlier ones had told that they would tell most: `xstilts suggest --run`.

Kept in `STORE/sweeps/SWEEP/rounds.json`. While cells are missing, the table of such a sweep is a selection; when all
are done it is a study again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import asdict, dataclass

from sweeps.state.sweep import Sweep
from trainables.store.sealed_json import Damaged, seal, unseal

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rounds:
    """The rounds that a sweep has had.

    Attributes:
        by: what cells were predicted by: `dev` or `zero-shot` scores of those that were done.
        rounds: how many.
        cells: that were chosen in them.
        steps: that were to be carried out in them and were not done before. What they have taken of a budget is in
            their records, so it is known whatever ended a round.
    """

    by: tuple[str, ...] = ()
    rounds: int = 0
    cells: int = 0
    steps: tuple[str, ...] = ()

    def __str__(self) -> str:
        plural = "s" if self.rounds > 1 else ""
        said = (
            f"{self.cells} cells were chosen in {self.rounds} round{plural} of xstilts suggest, by what was done before"
        )
        if "zero-shot" in self.by:
            return (
                f"{said}: by zero-shot scores, which are of the target languages' test rows; so this table is a "
                "selection on what it shows, and the best of it looks better than it is"
            )
        return f"{said}: by scores on dev rows of the training language; what is missing was not drawn at random"


def rounds_of(sweep: Sweep) -> Rounds | None:
    """Those of a sweep; None where it has had none."""
    path = _path(sweep)
    try:
        note = unseal(sweep.store.files.read(path), path)
        return Rounds(tuple(note["by"]), int(note["rounds"]), int(note["cells"]), tuple(note["steps"]))
    except FileNotFoundError:
        return None
    except (Damaged, KeyError, TypeError, ValueError) as error:
        log.warning("%s; what it says of rounds is not known", error)
        return None


def add_round(sweep: Sweep, by: str, cells: int, steps: Collection[str]) -> None:
    """Note a round before it is run: whatever ends it, what it has run was chosen."""
    found = rounds_of(sweep) or Rounds()
    noted = Rounds(
        by=tuple(sorted({*found.by, by})),
        rounds=found.rounds + 1,
        cells=found.cells + cells,
        steps=tuple(sorted({*found.steps, *steps})),
    )
    sweep.store.files.replace(_path(sweep), seal(asdict(noted)))


def _path(sweep: Sweep) -> str:
    return sweep.store.at("sweeps", sweep.name, "rounds.json")
