"""A plug-in: a kind of step that sleeps and leaves a small file, to see what a sweep costs whose steps cost nothing."""

from __future__ import annotations

import time
from typing import Literal

from sweeps.plan.graph import Cost, Plan, Role, Step
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import Recipe
from trainables.steps import register
from trainables.steps.kinds.single import SingleProcessKind

MODULE = "tests.plugins.sleep_step_kind"


class SleepRecipe(Recipe):
    kind: Literal["sleep"] = "sleep"
    number: int
    seconds: float
    parents: tuple[str, ...] = ()

    @property
    def slug(self):
        return f"sleep-{self.number}"

    @property
    def needs(self):
        return self.parents


class Sleep(SingleProcessKind):
    name = "sleep"
    recipe = SleepRecipe
    group = "sleep"

    def make(self, recipe, execution, store, workdir, check_stop):
        check_stop()
        time.sleep(recipe.seconds)
        (workdir / "slept.txt").write_text(f"{recipe.seconds}\n")
        return {"slept": recipe.seconds}


def sleeping(steps: int, seconds: float, fan: int = 20) -> Plan:
    """A plan of steps that sleep, each `fan` of which need one step before them, as targets need an intermediate."""
    made: dict[str, Step] = {}
    names: list[str] = []
    for number in range(steps):
        parents = (names[(number - 1) // fan],) if number else ()
        recipe = SleepRecipe(number=number, seconds=seconds * (0.5 + number % 5 / 4), parents=parents)
        names.append(recipe.id)
        cost = Cost(seconds=recipe.seconds)
        role = Role("sleep", f"sleep {number}")
        made[recipe.id] = Step(recipe, (role,), Execution(plugins=(MODULE,)), cost)
    return Plan(made, (), steps)


register(Sleep())
