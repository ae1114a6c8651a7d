"""Suggestions carried out in rounds: each is chosen by what those before it have shown, until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from sweeps.plan.graph import PHASES, Plan
from sweeps.state.inspection import inspect_steps
from sweeps.state.rounds import add_round, rounds_of
from sweeps.state.sweep import Sweep
from sweeps.suggest.choice import Aim, Suggestion, TooLittle
from sweeps.suggest.prices import Prices
from sweeps.suggest.suggestions import Predicted, suggest
from sweeps.suggest.table import Objective
from trainables.steps import StepRecord, get_step_kind

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

    The budget is that of all its rounds, earlier calls included: so whatever has ended a call, the same one goes on.

    Args:
        price: the plan with the costs of steps on the devices at hand, for what is done by now.
        budget: device-hours.
    """

    sweep: Sweep
    price: Callable[[], Plan]
    by: Objective
    aim: Aim
    budget: float
    complete: bool = field(default=False, init=False)
    """Whether no cell was left at last."""
    _prices: Prices | None = field(default=None, init=False)
    """Of the first round: they say what devices hours are of."""

    @property
    def spent(self) -> float:
        """Device-hours that the steps of all rounds have taken that are done."""
        noted, prices = rounds_of(self.sweep), self._prices
        return taken(self.sweep, prices, noted.steps) if noted is not None and prices is not None else 0.0

    def __iter__(self) -> Iterator[Round]:
        """The rounds. Each is to be carried out before the next is asked for.

        Raises:
            CannotPredict, TooLittle: as `suggest`, before the first round of all; a later one is the last.
        """
        while True:
            priced = self.price()
            self._prices = self._prices or Prices(priced)
            noted, left = rounds_of(self.sweep), self.budget - self.spent
            try:
                found, chosen = self._suggest(priced, left)
            except TooLittle:
                if left == self.budget:
                    raise
                return
            self.complete = not chosen
            if self.complete:
                return
            done = inspect_steps(self.sweep).done
            steps = beside(priced, done, {step for one in chosen for step in one.steps})
            add_round(self.sweep, self.by, len(chosen), steps)
            number = 1 if noted is None else noted.rounds + 1
            yield Round(number, found, chosen, frozenset(steps), left)
            if not {one.steps[-1] for one in chosen if one.steps} <= inspect_steps(self.sweep).done:
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


def taken(sweep: Sweep, prices: Prices, steps: Iterable[str]) -> float:
    """Device-hours of those steps that are done, as they were carried out."""
    total = 0.0
    for name in steps:
        if sweep.store.done(name):
            record = StepRecord.of(sweep.store, name)
            held = get_step_kind(record.recipe["kind"]).demand(record.execution).total
            total += record.seconds * held[prices.kind] / 3600
    return total
