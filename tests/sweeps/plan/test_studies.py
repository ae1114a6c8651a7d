"""The sweep files of the published studies: what they ask for, and what sharing saves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import sweeps
from sweeps.plan.requirements import draft_of, requirements_of
from sweeps.spec.reading import read_spec

FOLDER = Path(sweeps.__file__).parent


def planned(name):
    file = FOLDER / name
    spec = read_spec(file)
    plan = draft_of(spec, file)
    kinds = Counter(step.kind.group for step in plan.steps.values())
    return (
        spec,
        plan,
        kinds,
        Counter(p for step in plan.steps.values() if step.kind.group == "train" for p in step.phases),
    )


def test_the_published_study():
    spec, plan, kinds, phases = planned("paper.yaml")
    # Eleven rows, nine columns, three seeds. XQuAD and MLQA train on SQuAD alike, BUCC and Tatoeba on nothing: six
    # trainings after each intermediate and for each seed; ten intermediates, once each.
    assert len(plan.cells) == 11 * 9 * 3
    assert phases == {"intermediate": 10, "target": 11 * 6 * 3}
    # BUCC and Tatoeba are evaluated once on each of the eleven encoders, since seeds share an intermediate.
    assert kinds["evaluate"] == 11 * 7 * 3 + 11 * 2
    # Cell by cell: nine trainings of an intermediate and seven of a target for each seed.
    assert plan.unshared_train_steps == 3 * (10 * 9 + 11 * 7)
    languages = {language for step in plan.steps.values() for language in getattr(step.recipe, "languages", ())}
    assert len(languages) == 40
    (all_tasks,) = [intermediate for intermediate in spec.intermediates if len(intermediate.tasks) > 1]
    assert len(all_tasks.tasks) == 9


def test_the_study_of_task_files_alone():
    spec, plan, kinds, phases = planned("sib200.yaml")
    assert spec.data == {"sib200": "hub", "wikineural": "hub"}
    assert len(plan.cells) == 2 * 2 * 2
    # Names as intermediate are trained as names without an intermediate are: once for each seed.
    assert phases == {"intermediate": 2, "target": 4 * 2}
    assert kinds["train"] == 4 * 2
    assert {
        need.language for need in requirements_of(spec, FOLDER / "sib200.yaml") if need.task.name == "sib200"
    } == set(spec.languages)


def test_its_successor():
    _, plan, kinds, phases = planned("xtreme-r.yaml")
    # After each of six rows and for each of three seeds: MNLI, Social IQa, COPA, UD-POS, PAN-X, SQuAD (for XQuAD, MLQA
    # and Tatoeba), TyDiQA, Mewsli-X, LAReQA. The intermediate SQuAD is the training of XQuAD after none,
    # and counts as both.
    assert len(plan.cells) == 6 * 10 * 3
    assert phases == {"intermediate": 5, "target": 6 * 9 * 3}
    assert kinds["evaluate"] == 6 * 10 * 3
    languages = {language for step in plan.steps.values() for language in getattr(step.recipe, "languages", ())}
    assert len(languages) == 50


@pytest.mark.parametrize("name", ["paper.yaml", "xtreme-r.yaml"])
def test_selection_never_sees_a_target_language(name):
    file = FOLDER / name
    for need in requirements_of(read_spec(file), file):
        if need.split == "dev":
            # BUCC's dev rows tune its threshold, as the benchmark has it; nothing is trained on them.
            assert need.language == "en" or need.task.name == "bucc2018"


def test_a_plan_without_its_data_is_a_draft_and_says_so():
    command = [sys.executable, "-m", "sweeps.cli.main"]
    file = str(FOLDER / "paper.yaml")
    done = subprocess.run([*command, "plan", file, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "xstilts data pull" in found["draft"][0]
    assert len(found["steps"]) == len(planned("paper.yaml")[1].steps)
    run = subprocess.run([*command, "run", file], capture_output=True, text=True)
    assert run.returncode == 2
    assert "xstilts data pull" in run.stderr
