"""Suggestions carried out in rounds: each is chosen by what those before it have shown, until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sweeps.plan.graph import PHASES, Plan
from sweeps.state.inspection import inspect_steps
from sweeps.state.rounds import add_hours, add_round
from sweeps.state.sweep import Sweep
from sweeps.suggest.choice import Aim, Suggestion, TooLittle
from sweeps.suggest.prices import Prices
from sweeps.suggest.suggestions import Predicted, suggest
from sweeps.suggest.table import Objective
from trainables.steps import StepRecord

ROUNDS = 4
"""A round takes a quarter of the budget, or a single cell where that takes more."""


@dataclass
class Round:
    """What a round is about to run."""

    number: int
    predicted: Predicted
    chosen: list[Suggestion]
    steps: frozenset[str]
    left: float
    """Device-hours of the budget, before it."""


@dataclass
class InRounds:
    """A sweep that is carried out by suggestions.

    Args:
        price: the plan with the costs of steps on the devices at hand, for what is done by now.
        budget: device-hours.
    """

    sweep: Sweep
    price: Callable[[], Plan]
    by: Objective
    aim: Aim
    budget: float
    spent: float = field(default=0.0, init=False)

    def __iter__(self) -> Iterator[Round]:
        """The rounds. Each is to be carried out before the next is asked for.

        Raises:
            CannotPredict, TooLittle: as `suggest`, before the first round; a later one is the last.
        """
        number = 0
        while True:
            left, priced = self.budget - self.spent, self.price()
            try:
                found, chosen = self._suggest(priced, left)
            except TooLittle:
                if not number:
                    raise
                return
            if not chosen:
                return
            number += 1
            before = inspect_steps(self.sweep).done
            steps = beside(priced, before, {step for one in chosen for step in one.steps})
            add_round(self.sweep, self.by, len(chosen))
            try:
                yield Round(number, found, chosen, frozenset(steps), left)
            finally:  # also where nobody asks for the next one, since this one has failed
                after = inspect_steps(self.sweep).done
                hours = taken(self.sweep, Prices(priced), after - before)
                add_hours(self.sweep, hours)
                self.spent += hours
            if not {one.steps[-1] for one in chosen if one.steps} <= after:
                return  # it failed, or was asked to stop

    def _suggest(self, priced: Plan, left: float) -> tuple[Predicted, list[Suggestion]]:
        try:
            return suggest(self.sweep, priced, self.by, self.aim, min(left, self.budget / ROUNDS))
        except TooLittle:
            found, chosen = suggest(self.sweep, priced, self.by, self.aim, left)
            return found, chosen[:1]


def beside(plan: Plan, done: set[str], chosen: set[str]) -> set[str]:
    """What is chosen, and the analyses of the sweep that can then be made: later rounds predict by them."""
    found = set(chosen)
    for step in plan.steps.values():
        of_cell = any(role.phase in PHASES for role in step.roles)
        if not of_cell and step.id not in done and set(step.needs) <= done | found:
            found.add(step.id)
    return found


def taken(sweep: Sweep, prices: Prices, steps: set[str]) -> float:
    """Device-hours that done steps have taken."""
    total = 0.0
    for name in steps:
        record = StepRecord.of(sweep.store, name)
        held = sweep.plan.steps[name].kind.demand(record.execution).total
        total += record.seconds * held[prices.kind] / 3600
    return total
