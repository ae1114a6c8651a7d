"""How the searcher books the ends of trials, and which steps one trial carries out after another."""

from __future__ import annotations

import pytest

from sweeps.plan.graph import Plan, Role, Step
from sweeps.runtime.messages import TrialConfig, TrialReport
from sweeps.runtime.searcher import PlanSearcher
from sweeps.schedule.dispatch import HELD_ELSEWHERE_SECONDS, Claim
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import STARTABLE
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import HubModel
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.recipes import DataRecipe, EvaluateRecipe, TrainRecipe
from trainables.recipe.tasks import Selection, TaskSpec, TrainTask

START = HubModel(hub="a", revision="r")


def data(name="a", **execution):
    return _step(DataRecipe(task=_task(name), rows=(), tokenizer=START, max_length=8), name, execution)


def training(name, **execution):
    tasks = (TrainTask(task=_task(name), data=(ROWS.id,), head=name, select=Selection(metrics=("f1",))),)
    return _step(TrainRecipe(start=START, tasks=tasks, optimisation=Optimisation(steps=1), seed=1), name, execution)


def evaluation(name, **execution):
    return _step(EvaluateRecipe(model=START, task=_task(name), data=ROWS.id, languages=("en",)), name, execution)


def _task(name):
    return TaskSpec(name=name, version=1, type="tagging", source="folder")


def _step(recipe, name, execution):
    return Step(recipe, (Role("prepare", name),), Execution(**execution))


ROWS = data("rows")
"""Done: what all trainings and evaluations read."""


class Driver:
    """Notes what it hears; `claims` are its next answers, then all is its own."""

    def __init__(self):
        self.claims, self.told, self.executions, self.begun = [], [], [], []

    def claim(self, step):
        return self.claims.pop(0) if self.claims else Claim.ACQUIRED

    def config(self, step, execution):
        self.executions.append(execution)
        where = {"store": "s", "owner": "o", "scratch": "s", "control": "c", "series": ""}
        return TrialConfig(
            step=step.id, recipe=step.recipe.model_dump(mode="json"), execution=execution, **where
        ).to_ray()

    def started(self, step):
        self.begun.append(step.id)

    def ended(self, step, state, said):
        self.told.append((state, said))


class Case:
    """A searcher over steps that are all ready, the most urgent first."""

    def __init__(self, *steps, cpus=1, gpus=0):
        self.now, self.driver, self.followed = [0.0], Driver(), []
        plan = Plan({step.id: step for step in (ROWS, *steps)}, (), 0)
        self.schedule = Schedule(plan, {ROWS.id}, [NodeShape(cpus, gpus)], clock=lambda: self.now[0])
        self.searcher = PlanSearcher(self.schedule, self.driver, lambda *said: self.followed.append(said))

    def suggest(self, trial):
        """The step that a new trial is given, or what the searcher says instead."""
        said = self.searcher.suggest(trial)
        if not isinstance(said, dict):
            return said
        assert said["series"] == trial
        return said["step"]

    def report(self, trial, state, step="", **fields):
        """A trial says how a step has ended; which one follows."""
        before = len(self.followed)
        self.searcher.on_trial_result(trial, TrialReport(state=state, step=step, **fields).to_ray())
        if len(self.followed) == before:
            return "nothing said"
        series, ended, config = self.followed[-1]
        assert (series, ended) == (trial, step)
        return config and config["step"]

    def end(self, trial, state, step="", **fields):
        """A trial ends, which has said how a step has ended."""
        self.searcher.on_trial_complete(trial, TrialReport(state=state, step=step, **fields).to_ray())

    def fail(self, trial, error, kind="other"):
        assert self.report(trial, "failed", error=error, kind=kind) == "nothing said"
        self.end(trial, "failed", error=error, kind=kind)


@pytest.fixture
def only():
    return data(retries=1)


@pytest.fixture
def case(only):
    return Case(only)


# --- ends ----------------------------------------------------------------------------------------------------


def test_what_another_driver_carries_out_is_asked_for_later_and_taken_when_it_is_done(case, only):
    case.driver.claims = [Claim.HELD_ELSEWHERE, Claim.HELD_ELSEWHERE, Claim.DONE]
    for _ in range(2):
        assert case.suggest("1") is None
        assert case.schedule.state(only.id) in STARTABLE
        case.now[0] += HELD_ELSEWHERE_SECONDS
    assert case.suggest("1") == "FINISHED"
    assert case.schedule.done == {ROWS.id, only.id}
    assert case.driver.told == [("done", "")]
    assert case.driver.executions == []


def test_short_memory_gives_the_next_trial_smaller_micro_batches(case, only):
    case.suggest("1")
    case.fail("1", "out of memory", "memory")
    assert case.suggest("2") == only.id
    sizes = [execution.micro_batch_tokens for execution in case.driver.executions]
    assert sizes == [8192, 4096]


def test_a_dead_trial_is_tried_again_after_a_while_and_then_given_up(case, only):
    assert case.suggest("1") == only.id
    case.searcher.on_trial_complete("1", None, error=True)
    assert case.suggest("2") is None  # not yet, and not the end of the search
    case.now[0] = 10.0
    assert case.suggest("2") == only.id
    case.fail("2", "broken")
    assert case.schedule.failed == {only.id}
    assert case.suggest("3") == "FINISHED"
    assert [state for state, _ in case.driver.told] == ["again", "failed"]
    assert "the process that drove this step died" in case.driver.told[0][1]
    assert "broken" in case.driver.told[1][1]


def test_a_trial_that_ends_without_a_word_has_failed(case, only):
    case.suggest("1")
    case.searcher.on_trial_complete("1", {"state": "running", "global_step": 3})
    assert case.driver.told[0][0] == "again"
    assert case.schedule.state(only.id) in STARTABLE


def test_a_step_that_fails_while_the_sweep_is_asked_to_end_is_left_for_the_next_run(case, only):
    case.suggest("1")
    case.schedule.draining = True
    case.searcher.on_trial_complete("1", None, error=True)
    assert case.schedule.state(only.id) in STARTABLE
    assert "the next run tries again" in case.driver.told[0][1]


# --- series --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "following", "goes_on"),
    [
        (training("a"), training("b"), True),
        (training("a"), evaluation("b"), True),
        (training("a"), data("b"), True),
        (evaluation("a"), data("b"), True),
        (evaluation("a"), training("b"), False),  # it wants a process group
        (training("a", workers=2), training("b", workers=2, zero_stage=3), True),
        (training("a", workers=2), training("b"), False),
        (training("a", workers=2), evaluation("b", cpus_per_worker=2), False),  # by one process, not by two
        (training("a"), training("b", cpus_per_worker=2), False),
        (training("a", gpus_per_worker=1), evaluation("b", gpus_per_worker=1), True),
        (training("a", gpus_per_worker=1), evaluation("b", gpus_per_worker=0.5), False),
        (training("a", gpus_per_worker=1), data("b", gpus_per_worker=1), False),  # which would hold a GPU for nothing
    ],
)
def test_workers_go_on_to_what_wants_the_same(first, following, goes_on):
    cpus, gpus = (max(wanted) for wanted in zip(first.demand.total, following.demand.total, strict=True))
    case = Case(first, following, cpus=cpus, gpus=gpus)
    assert case.suggest("1") == first.id
    assert case.report("1", "done", first.id) == (following.id if goes_on else None)
    assert case.driver.begun == [following.id] * goes_on
    assert case.suggest("2") is None  # whose workers would find no place yet
    if not goes_on:
        case.end("1", "done", first.id)
        assert case.suggest("2") == following.id


def test_a_trial_that_dies_has_failed_at_the_step_that_followed(only):
    case = Case(only, other := data("b"))
    case.suggest("1")
    assert case.report("1", "done", only.id) == other.id
    case.searcher.on_trial_complete("1", None, error=True)
    assert [state for state, _ in case.driver.told] == ["done", "again"]
    assert case.schedule.done == {ROWS.id, only.id}


@pytest.mark.parametrize("room", [False, True])
def test_what_is_more_urgent_starts_first_and_the_workers_go_on_if_there_is_room_beside_it(only, room):
    wide, urgent, last = training("wide", workers=2), evaluation("urgent"), training("last", workers=2)
    case = Case(only, wide, urgent, last, cpus=3 + room)
    if room:
        case.driver.claims = [Claim.ACQUIRED, Claim.ACQUIRED, Claim.HELD_ELSEWHERE]
    assert case.suggest("1") == only.id
    assert case.suggest("2") == wide.id
    assert case.suggest("3") is None  # there is room for it, but another driver holds it
    case.now[0] += HELD_ELSEWHERE_SECONDS
    assert case.report("2", "done", wide.id) == (last.id if room else None)
    if not room:
        case.end("2", "done", wide.id)
    assert case.suggest("3") == urgent.id
    assert case.schedule.running == {only.id, urgent.id} | ({last.id} if room else set())


def test_a_series_ends_with_a_failure_and_its_workers_are_given_no_more(only):
    case = Case(only, other := data("b"))
    case.suggest("1")
    case.fail("1", "broken")
    assert case.driver.begun == []
    assert case.suggest("2") == other.id


def test_a_step_that_a_selection_stops_is_followed_and_one_that_had_to_leave_is_not(only):
    case = Case(only, other := data("b"), last := data("c"))
    case.suggest("1")
    case.schedule.halting.add(only.id)
    assert case.report("1", "paused", only.id) == other.id
    assert case.schedule.stopped == {only.id}
    assert case.report("1", "paused", other.id) is None  # its node may be about to go
    case.end("1", "paused", other.id)
    assert case.suggest("2") in (other.id, last.id)
    assert [state for state, _ in case.driver.told] == ["stopped", "paused"]


def test_a_sweep_that_is_asked_to_end_goes_on_to_nothing(only):
    case = Case(only, data("b"))
    case.suggest("1")
    case.schedule.draining = True
    assert case.report("1", "done", only.id) is None
    assert case.suggest("2") == "FINISHED"


def test_what_another_driver_holds_does_not_follow(only):
    case = Case(only, held := data("b"), free := data("c"))
    case.suggest("1")
    case.driver.claims = [Claim.HELD_ELSEWHERE]
    assert case.report("1", "done", only.id) == free.id
    assert case.schedule.state(held.id) in STARTABLE


def test_what_is_told_twice_is_booked_once(only):
    # Ray Train may start the workers of a group again; they begin with the first step, which is done.
    case = Case(only, other := data("b"))
    case.suggest("1")
    assert case.report("1", "done", only.id) == other.id
    assert case.report("1", "done", only.id) == "nothing said"
    assert case.schedule.running == {other.id}
