"""How many names of numbers the studies give MLflow: its UI slows down with them."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest
from mlflow import MlflowClient

import sweeps
from sweeps.plan.requirements import draft_of
from sweeps.results.results import Results
from sweeps.schedule.states import StepState
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import Sweep
from sweeps.tracking import Tracker, limits
from tests.sweeps import pretended
from trainables.recipe.recipes import EvaluateRecipe
from trainables.steps import StepRecord
from trainables.store import Store
from trainables.tasks import get_task
from trainables.tasks.language_facts import GROUPINGS, LANGUAGES


@pytest.fixture(scope="module", params=["paper.yaml", "xtreme-r.yaml"])
def study(request, tmp_path_factory):
    """A study with one seed: more have no further names. Its evaluations are done."""
    folder, file = tmp_path_factory.mktemp("study"), Path(sweeps.__file__).with_name(request.param)
    spec = read_spec(file, ["seeds=[1]", f"storage={folder / 'store'}", f"tracking=sqlite:///{folder / 'mlflow.db'}"])
    plan, store = draft_of(spec, file), Store(spec.storage)
    drawn = {}  # once for each target: all have the same names
    for step in plan.steps.values():
        if isinstance(step.recipe, EvaluateRecipe):
            name = step.recipe.task.name
            drawn[name] = drawn.get(name) or pretended.evaluation(step.recipe)
            pretended.commit(step, plan, store, drawn[name])
    return spec, plan, store


def names_of(step, store):
    """What the run of a done step is told, beside its parameters and tags."""
    made = {"train": lambda: pretended.training(step, 2), "evaluate": lambda: store.record(step.id)["result"]}
    record = StepRecord(step=step.id, result=made.get(step.kind.name, dict)())
    shown = step.kind.shown(step.recipe, record)
    points = (*shown.curves, *shown.selected, *shown.scores)
    return {limits.key(name) for name, *_ in points} | {"seconds"}


def test_a_study_has_few_names(study):
    spec, plan, store = study
    names = {step.id: names_of(step, store) for step in plan.steps.values()}
    means = {limits.key(name) for name in Results(Sweep(spec, plan, store)).means()}
    assert len(means) == 2 * len(spec.intermediate_names)
    most = max([*names.values(), means], key=len)
    assert len(most) <= limits.RUN_NAMES, sorted(most)
    every = means.union(*names.values())
    print(f"{spec.sweep}: at most {len(most)} names in a run, {len(means)} in the sweep's, {len(every)} in all")
    assert len(every) <= limits.SWEEP_NAMES, sorted(every)
    # The score of each language is there all the same.
    for cell in plan.cells:
        assert len(names[cell.evaluation]) > len(plan.steps[cell.evaluation].recipe.languages), cell.target


@pytest.mark.parametrize("study", ["paper.yaml"], indirect=True)
def test_the_names_are_those_that_mlflow_gets(study, tmp_path):
    spec, plan, store = study
    steps = list(plan.steps.values())
    widest = max((one for one in steps if one.kind.group == "evaluate"), key=lambda one: len(names_of(one, store)))
    several = max((one for one in steps if one.kind.group == "train"), key=lambda one: len(names_of(one, store)))
    for step in (plan.steps[widest.recipe.data], several):
        pretended.commit(step, plan, store)
    found, results = Results(Sweep(spec, plan, store)), tmp_path / "results"
    found.write(results)
    means = found.means()
    with Tracker(Sweep(spec, plan, store)) as tracker:
        for step in (several, widest):
            tracker.begin(step)
            tracker.finish(step, StepState.DONE)
        tracker.table(results, means)
        assert tracker.close("FINISHED", 120.0)
        client = MlflowClient(spec.tracking_uri)
        for step in (several, widest):
            assert set(client.get_run(tracker.run_of(step)).data.metrics) == names_of(step, store)
        assert set(client.get_run(tracker.parent).data.metrics) == {limits.key(name) for name in means}
        # Of an evaluation MLflow can also group the scores by what is known of languages.
        table = client.load_table(tracker.experiment, "languages.json", [tracker.run_of(widest)])
        scores, (role,) = store.record(widest.id)["result"]["metrics"], widest.roles
        main = get_task(role.target).main_metrics
        assert len(table) == sum(name in main for one in scores.values() for name in one)
        assert set(table["target"]) == {role.target}
        for by in GROUPINGS:
            for (group, name), mean in table.groupby([by, "metric"])["value"].mean().items():
                of = [code for code in scores if (LANGUAGES[code].group_of(by, "xlm-r") or "not known") == group]
                assert mean == pytest.approx(fmean(scores[code][name] for code in of)), (by, group)
