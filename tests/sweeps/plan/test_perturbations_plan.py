"""Perturbed test rows in a sweep file: targets of their own that share the training, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import sweeps
from sweeps.plan.planner import make_plan
from sweeps.plan.remarks import without_table
from sweeps.plan.requirements import draft_of
from sweeps.spec.reading import WrongSpec, read_spec
from trainables.data.prepare import read_rows
from trainables.recipe.execution import Execution
from trainables.recipe.perturbation import Perturbation
from trainables.tasks import get_task

NOISY = {"typos": {"kind": "swaps", "strength": 1}, "others": {"kind": "entities", "strength": 1, "seed": 2}}


def plan_of(file):
    return make_plan(read_spec(file), str(file))


def test_a_perturbed_twin_shares_the_training_and_the_clean_steps_stay(sweep_file):
    targets = [
        "gen-tags",
        "gen-tags@typos",
        "gen-tags@others",
        "gen-tags@first-visible",
        "gen-tags@first-visible@typos",
    ]
    said = {"gen-tags": {"steps": 7}}
    training = {"training": {"all": {"steps": 10, "max_length": 64, "batch_size": 16, "learning_rate": 1e-3}, **said}}
    alone = plan_of(sweep_file(targets=targets[:1], **training))
    plan = plan_of(sweep_file(targets=targets, perturbations=NOISY, **training))
    assert set(alone.steps) < set(plan.steps)
    cells = {cell.target: cell for cell in plan.cells}
    assert cells["gen-tags"].evaluation in alone.steps
    trainings = {name: cell.variants[0].training for name, cell in cells.items()}
    assert trainings["gen-tags"] == trainings["gen-tags@typos"] == trainings["gen-tags@others"]
    assert trainings["gen-tags@first-visible"] == trainings["gen-tags@first-visible@typos"] != trainings["gen-tags"]
    assert len({cell.evaluation for cell in plan.cells}) == len(targets)
    for name, cell in cells.items():
        evaluation = plan.steps[cell.evaluation].recipe
        clean = plan.steps[cells[name.removesuffix("@typos").removesuffix("@others")].evaluation].recipe
        assert evaluation.model_copy(update={"data": clean.data}) == clean
        rows = plan.steps[evaluation.data].recipe.rows
        assert {one.perturbation for one in rows} == {get_task(name).perturbation}
    assert get_task("gen-tags@typos").perturbation == Perturbation(kind="swaps", strength=1, seed=1)
    assert (get_task("gen-tags@typos").clean_of, get_task("gen-tags@typos").base.name) == ("gen-tags", "gen-tags")
    assert get_task("gen-tags@first-visible@typos").clean_of == "gen-tags@first-visible"
    recipes = [plan.steps[plan.steps[cells[name].evaluation].recipe.data].recipe for name in targets[:2]]
    clean, noisy = (read_rows(one.task, one.rows[0], Execution()) for one in recipes)
    assert clean.examples["id"][:] == noisy.examples["id"][:]
    assert clean.examples["tags"][:] == noisy.examples["tags"][:]
    assert clean.examples["tokens"][:] != noisy.examples["tokens"][:]


def test_the_study_trains_once_for_all_twins_and_the_plan_names_scripts_without_a_table():
    file = Path(sweeps.__file__).parent / "robustness.yaml"
    spec = read_spec(file)
    plan = draft_of(spec, file)
    # Eight rows; seven intermediates, then five clean targets: a training each, for each of three seeds; `squad-clean`
    # is trained as `xquad`, and `qqp` without intermediate as the intermediate of that name.
    assert sum(step.kind.group == "train" for step in plan.steps.values()) == 3 * (7 + 8 * 5 - 1)
    assert sum(step.kind.group == "evaluate" for step in plan.steps.values()) == 3 * 8 * 27
    recipes = [step.recipe for step in plan.steps.values() if step.kind.name == "data"]
    (noisy,) = (
        one
        for one in recipes
        if one.task.name == "xnli" and "keyboard" in {rows.perturbation and rows.perturbation.kind for rows in one.rows}
    )
    said = {one.language: one.perturbation.model_dump(exclude_none=True) for one in noisy.rows}
    own = {language: fields.pop("keyboard") for language, fields in said.items() if "keyboard" in fields}
    assert own.items() >= {"fr": "azerty", "de": "german", "ur": "urdu"}.items()
    assert not own.keys() & {
        "en",
        "ru",
        "el",
        "hi",
        "zh",
        "sw",
        "vi",
        "ar",
    }  # theirs stay
    assert all(fields.keys() == {"kind", "strength", "seed", "version"} for fields in said.values())
    lines = without_table(plan)
    assert "xnli perturbed by keyboard, zh: no table of the script (Han), whose words stay as they are" in lines
    assert any(line.startswith("panx perturbed by keyboard, ja my zh:") for line in lines)
    assert not any("swaps" in line or "diacritics" in line or "ocr, zh" in line for line in lines)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"targets": ["gen-nli@others"]}, 'targets[0]: there is no task "gen-nli@others": gen-nli has no tags of ent'),
        ({"targets": ["gen-tags@typos@others"]}, "gen-tags@typos is perturbed already"),
        ({"targets": ["gen-pairs@typos"]}, "gen-pairs has no words that can be changed"),
        ({"targets": ["gen-nope@typos"]}, "there is no task"),
        ({"targets": ["gen-tags", "gen-tags@typo"]}, 'did you mean "gen-tags@typos"'),
        ({"intermediates": ["none", "gen-tags@typos"], "targets": ["gen-tags"]}, "and is never trained on"),
        (
            {"targets": ["gen-tags@typos"], "training": {"gen-tags@typos": {"steps": 3}}},
            "training.gen-tags@typos: no int",
        ),
        (
            {"targets": ["gen-tags", {"task": "gen-tags@typos", "train_on": ["gen-tags", "gen-tags"]}]},
            'targets[1]: "gen-tags@typos" is trained on "gen-tags, gen-tags", and "gen-tags" on "gen-tags"; give',
        ),
        ({"targets": ["gen-tags"], "perturbations": {"en": {"kind": "swaps"}}}, "perturbations.en: TASK@en means"),
        ({"targets": ["gen-tags"], "perturbations": {"x": {"kind": "typo"}}}, "perturbations.x.kind"),
        ({"targets": ["gen-tags"], "perturbations": {"x": {"kind": "ocr", "strength": 2}}}, "perturbations.x.strength"),
        ({"targets": ["gen-tags"], "perturbations": {"x@y": {"kind": "ocr"}}}, 'has "@" or "+" in it'),
        (
            {"targets": ["gen-tags"], "likelihood": {"x": {}}, "perturbations": {"x": {"kind": "ocr"}}},
            "perturbations.x: TASK@x is read by likelihood",
        ),
    ],
)
def test_what_cannot_be_perturbed_is_said_in_a_line(sweep_file, fields, said):
    with pytest.raises(WrongSpec) as error:
        plan_of(sweep_file(**{"perturbations": NOISY, **fields}))
    lines = str(error.value).splitlines()
    assert any(said in line for line in lines), lines
    assert all(len(line) <= 300 for line in lines)
