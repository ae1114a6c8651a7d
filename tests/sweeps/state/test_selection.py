"""Selection: who competes with whom, what Tune's own algorithm decides, and what becomes of the decisions."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ray.tune.schedulers import TrialScheduler
from ray.tune.utils import flatten_dict

from sweeps.plan.planner import make_plan
from sweeps.results.notes import notes_of
from sweeps.results.results import Results
from sweeps.results.tables import table_of
from sweeps.runtime.asha import GroupedAsha, rung_of
from sweeps.runtime.messages import TrialReport
from sweeps.schedule.nodes import NodeShape
from sweeps.schedule.scheduler import Schedule
from sweeps.schedule.states import StepState
from sweeps.spec.reading import WrongSpec, read_spec
from sweeps.spec.stopping import AshaSpec
from sweeps.state.selection import Decisions, groups_of, settled, started_from, stopped_of
from sweeps.state.sweep import Sweep
from trainables.host import TrainReport
from trainables.store import Store

GRID = {
    "intermediates": ["none", "gen-nli", "gen-qa"],
    "targets": ["gen-nli", "gen-tags", "gen-pairs"],
    "seeds": [1, 2],
}
ASHA = AshaSpec(grace=10, reduction=2)


class Case:
    """A sweep over a store of its own, and the scheduler of one run of it."""

    def __init__(self, file):
        self.file, self.spec = file, read_spec(file)
        self.plan, self.store = make_plan(self.spec, str(file)), Store(self.spec.storage)
        self.by_name = {role.label: step for step in self.plan.steps.values() for role in step.roles}
        self.run()

    def run(self):
        """Begin a run."""
        self.decisions, self.halted = Decisions(self.store, self.spec.sweep), []
        done = {step for step in self.plan.steps if self.store.done(step)}
        self.schedule = Schedule(self.plan, done, [NodeShape(100, 0)], stopped=self.decisions.stopped)
        self.asha = GroupedAsha(
            ASHA, self.schedule, self.store, self.decisions, lambda step, why: self.halted.append(step)
        )

    def report(self, name, *curve, of=100):
        """A training reports the last point of its curve; whether it is asked to stop by that."""
        at, value = curve[-1]
        report = TrainReport(
            global_step=at,
            global_steps=of,
            steps_per_second=1.0,
            dev_value=value,
            dev={},
            curve=curve,
            learning_rate=1e-3,
            tokens_per_second=1.0,
        )
        return self.tell(name, TrialReport(state=StepState.RUNNING, progress=report))

    def tell(self, name, report):
        before = len(self.halted)
        step = self.by_name[name].id
        trial, report = SimpleNamespace(trial_id=f"trial of {name}"), report.model_copy(update={"step": step})
        assert self.asha.on_trial_result(None, trial, flatten_dict(report.to_ray())) == TrialScheduler.CONTINUE
        return len(self.halted) > before

    def finish(self, name, *curve):
        """Put a done training into the store."""
        step = self.by_name[name].id
        dev = [{"step": at, "accuracy": value, "f1": value, "value": value} for at, value in curve]
        result = {"dev": dev, "best": max(dev, key=lambda point: point["value"]), "collapsed": None}
        self.store.commit(step, self.store.begin(step), {"result": result})


@pytest.fixture
def case(sweep_file):
    return Case(sweep_file(**GRID, early_stopping={"asha": ASHA.model_dump()}))


# --- who competes --------------------------------------------------------------------------------------------


def test_the_trainings_of_a_target_with_one_model_and_one_seed_compete(case):
    groups = {}
    for step, group in groups_of(case.plan).items():
        groups.setdefault(group, set()).add(case.plan.steps[step].roles[0].label)
    assert groups == {
        ("small", target, seed): {f"{start} -> {target} · seed {seed}" for start in GRID["intermediates"]}
        for target in ("gen-nli", "gen-tags")
        for seed in (1, 2)
    }


def test_alone_nothing_competes(sweep_file):
    one = Case(sweep_file(**{**GRID, "intermediates": ["none"]}))
    assert groups_of(one.plan) == {}


def test_what_falls_behind_its_group_is_asked_to_stop(case):
    assert not case.report("none -> gen-tags · seed 1", (10, 50.0))
    assert case.report("gen-qa -> gen-tags · seed 1", (10, 20.0))
    (step,) = case.halted
    assert case.schedule.halting == {step}
    # Another seed and another target are none of its rivals, however low.
    assert not case.report("gen-qa -> gen-tags · seed 2", (10, 1.0))
    assert not case.report("gen-qa -> gen-nli · seed 1", (10, 1.0))
    # The better half goes on.
    assert not case.report("gen-nli -> gen-tags · seed 1", (10, 60.0))


def test_before_the_grace_and_between_rungs_nobody_is_compared(case):
    assert not case.report("none -> gen-tags · seed 1", (5, 90.0), (10, 90.0), (15, 90.0))
    assert not case.report("gen-qa -> gen-tags · seed 1", (5, 1.0))
    # Once past a rung it is compared at the next one, with those that have come so far: so far, none.
    assert not case.report("gen-nli -> gen-tags · seed 1", (10, 95.0))
    assert not case.report("gen-nli -> gen-tags · seed 1", (10, 95.0), (15, 1.0))
    assert not case.report("gen-nli -> gen-tags · seed 1", (10, 95.0), (15, 1.0), (20, 1.0))


def test_a_training_that_others_start_from_is_measured_and_never_stopped(case):
    shared = "none -> gen-nli · seed 1"  # it is the intermediate gen-nli, too
    assert case.by_name[shared].id in started_from(case.plan)
    assert not case.report("gen-qa -> gen-nli · seed 1", (10, 50.0))
    assert not case.report(shared, (10, 20.0))
    assert case.report("gen-nli -> gen-nli · seed 1", (10, 30.0))  # the better half of 50 and 20 begins at 35


def test_one_that_has_come_to_its_end_is_not_stopped(case):
    case.report("none -> gen-tags · seed 1", (10, 50.0), of=10)
    assert not case.report("gen-qa -> gen-tags · seed 1", (10, 20.0), of=10)


# --- decisions -----------------------------------------------------------------------------------------------


def start(case, name):
    """A training is under way."""
    case.schedule._move(case.by_name[name].id, StepState.RUNNING)


def stop(case, name, at=10, value=20.0):
    """A training is asked to stop, and does."""
    assert case.report(name, (at, value))
    case.tell(name, TrialReport(state=StepState.PAUSED))
    start(case, name)
    case.schedule.halt(case.by_name[name].id)


def test_a_decision_is_kept_and_the_next_run_does_not_start_what_was_stopped(case):
    name = "gen-qa -> gen-tags · seed 1"
    case.report("none -> gen-tags · seed 1", (10, 50.0))
    stop(case, name)
    case.run()
    step = case.by_name[name].id
    assert case.decisions.stopped[step].curve == ((10, 20.0),)
    assert str(case.decisions.stopped[step]) == "stopped at step 10 of 100, dev 20.0"
    assert case.schedule.state(step) == "stopped"
    (evaluation,) = [one for one in case.plan.steps.values() if step in one.needs]
    assert case.schedule.state(evaluation.id) == "stopped"
    assert step not in case.schedule.waiting
    assert evaluation.id not in case.schedule.waiting


def test_a_decision_is_kept_only_when_the_training_has_stopped(case):
    case.report("none -> gen-tags · seed 1", (10, 50.0))
    case.report("gen-qa -> gen-tags · seed 1", (10, 20.0))
    case.tell("gen-qa -> gen-tags · seed 1", TrialReport(state=StepState.DONE))
    assert Decisions(case.store, case.spec.sweep).stopped == {}


def test_a_damaged_decision_is_no_decision(case):
    case.report("none -> gen-tags · seed 1", (10, 50.0))
    stop(case, "gen-qa -> gen-tags · seed 1")
    (file,) = [entry.path for entry in case.store.files.list(case.store.at("sweeps", "tiny", "stopped"))]
    with open(file, "ab") as damaged:
        damaged.write(b"}")
    assert Decisions(case.store, case.spec.sweep).stopped == {}


@pytest.mark.parametrize("before", ["done", "stopped"])
def test_a_new_run_remembers_what_was_measured_before_it(case, before):
    if before == "done":
        case.finish("none -> gen-tags · seed 1", (10, 50.0), (20, 60.0))
    else:
        case.report("none -> gen-tags · seed 1", (10, 50.0))
        stop(case, "gen-qa -> gen-tags · seed 1", value=40.0)
    case.run()
    assert case.report("gen-nli -> gen-tags · seed 1", (10, 30.0))


def test_a_training_that_goes_on_brings_its_curve_along(case):
    # Both ran in an earlier run of the sweep; the first to report now was the better one at the first rung.
    case.report("none -> gen-tags · seed 1", (10, 50.0), (20, 60.0))
    assert case.report("gen-qa -> gen-tags · seed 1", (10, 50.0), (20, 30.0))
    # A third is compared at the first rung with what both had there.
    assert case.report("gen-nli -> gen-tags · seed 1", (10, 49.0))


def test_one_that_is_started_again_with_another_seed_is_the_same_rival(case):
    case.report("none -> gen-tags · seed 1", (10, 50.0))
    assert not case.report("gen-qa -> gen-tags · seed 1", (5, 20.0))
    assert case.report("gen-qa -> gen-tags · seed 1", (5, 20.0), (10, 20.0))
    assert not case.report("gen-qa -> gen-tags · seed 1", (5, 70.0))
    assert not case.report("gen-qa -> gen-tags · seed 1", (5, 70.0), (10, 70.0))


def test_rungs():
    assert [rung_of(step, ASHA) for step in (10, 19, 20, 39, 40, 100)] == [10, 10, 20, 20, 40, 80]


# --- tables --------------------------------------------------------------------------------------------------


def test_a_table_with_stopped_cells_is_a_selection_and_says_where(case):
    for seed in (1, 2):
        case.report(f"none -> gen-tags · seed {seed}", (10, 50.0))
    stop(case, "gen-qa -> gen-tags · seed 1")
    results = Results(Sweep(case.spec, case.plan, case.store))
    table = table_of(results, "small", "zero-shot")
    assert "a selection, not a study" in table.title
    cells = [text for column in table.columns for text in column.cells]
    assert "1 of 2 stopped" not in cells  # no target has a column before anything is scored
    assert "gen-qa -> gen-tags · seed 1: stopped at step 10 of 100, dev 20.0" in notes_of(results)
    for cell in case.plan.cells:
        if cell.evaluation not in case.schedule.stopped:
            languages = case.plan.steps[cell.evaluation].recipe.languages
            scores = {language: {"f1": 1.0, "accuracy": 1.0} for language in languages}
            made = case.store.begin(cell.evaluation)
            case.store.commit(cell.evaluation, made, {"result": {"metrics": scores}})
            data = case.plan.steps[cell.evaluation].recipe.data
            counts = {f"test-{language}": {"source": "rows"} for language in languages}
            case.store.commit(data, case.store.begin(data), {"result": counts})
    results = Results(Sweep(case.spec, case.plan, case.store))
    cells = [text for column in table_of(results, "small", "zero-shot").columns for text in column.cells]
    assert cells.count("1 of 2 stopped") == 1
    assert not any("are not done" in note for note in notes_of(results))
    # A sweep that selects nothing is a study: the cell is merely not done yet.
    study = case.spec.model_copy(update={"early_stopping": type(case.spec.early_stopping)()})
    assert stopped_of(Sweep(study, case.plan, case.store)) == {}
    results = Results(Sweep(study, case.plan, case.store))
    assert "selection" not in table_of(results, "small", "zero-shot").title
    assert any("1 of 18 cells are not done" in note for note in notes_of(results))


# --- learning rates ------------------------------------------------------------------------------------------

RATES = {
    "intermediates": ["none", "gen-qa"],
    "targets": ["gen-tags", "gen-pairs"],
    "training": {
        "all": {"steps": 4, "max_length": 64, "learning_rate": 1e-3},
        "gen-tags": {"learning_rate": [1e-3, 3e-3]},
    },
}


def test_learning_rates_of_a_target_compete_within_its_cells(sweep_file):
    case = Case(sweep_file(**RATES))
    cells = [cell for cell in case.plan.cells if cell.target == "gen-tags"]
    assert [[one.setting for one in cell.variants] for cell in cells] == 2 * [
        ["learning_rate 0.001", "learning_rate 0.003"]
    ]
    rates = {case.plan.steps[one.training].recipe.optimisation.learning_rate for one in cells[0].variants}
    assert rates == {1e-3, 3e-3}
    assert set(groups_of(case.plan).values()) == {("small", "gen-tags", 1)}
    assert len(groups_of(case.plan)) == 4
    assert all(len(cell.variants) == 1 for cell in case.plan.cells if cell.target == "gen-pairs")


def test_a_cell_goes_by_the_variant_that_is_best_on_the_dev_rows(sweep_file):
    case = Case(sweep_file(**RATES))
    cell = next(cell for cell in case.plan.cells if cell.target == "gen-tags")
    first, second = cell.variants
    case.finish(case.plan.steps[first.training].name, (4, 50.0))
    case.store.commit(first.evaluation, case.store.begin(first.evaluation), {"result": {"metrics": {}}})
    assert settled(cell, case.store, ()) is None
    assert settled(cell, case.store, {second.training}).variants == (first,)
    case.finish(case.plan.steps[second.training].name, (2, 60.0), (4, 40.0))
    case.store.commit(second.evaluation, case.store.begin(second.evaluation), {"result": {"metrics": {}}})
    assert settled(cell, case.store, ()).variants == (second,)
    assert settled(cell, case.store, {first.training, second.training}) is None


def test_learning_rates_compete_for_targets_only(sweep_file):
    training = {"all": {"steps": 4, "max_length": 64, "learning_rate": [1e-3, 3e-3]}}
    file = sweep_file(**{**RATES, "training": training})
    with pytest.raises(WrongSpec, match=r"learning_rate: several may compete where a target is trained"):
        make_plan(read_spec(file), str(file))
    with pytest.raises(WrongSpec, match=r"learning_rate\[1\]: input should be greater than 0"):
        read_spec(sweep_file(training={"all": {"learning_rate": [1e-3, -1]}}))
    with pytest.raises(WrongSpec, match=r"early_stopping.asha.grace: this field is missing"):
        read_spec(sweep_file(early_stopping={"asha": {"reduction": 2}}))
