"""LoRA in a plan: which trainings have it, what crosses from phase to phase, what is said before anything runs."""

from __future__ import annotations

import pytest

from sweeps.plan.planner import make_plan
from sweeps.spec.reading import WrongSpec, read_spec
from trainables.recipe.adaptation import Lora
from trainables.recipe.model_source import CheckpointRef

GRID = {"intermediates": ["none", "gen-choice"], "targets": ["gen-nli", "gen-pairs"]}
LORA = {"lora": {"rank": 4}}
OURS = Lora(rank=4, alpha=8, dropout=0, targets="attention")


def plan_of(sweep_file, **training):
    usual = {"steps": 4, "batch_size": 16, "max_length": 64, "learning_rate": 1e-3}
    file = sweep_file(**GRID, training={**training, "all": {**usual, **training.get("all", {})}})
    return make_plan(read_spec(file), str(file))


def trainings(plan):
    """Recipes by what they are for."""
    found = {}
    for cell in plan.cells:
        if cell.target == "gen-nli":
            found[cell.intermediate] = plan.steps[cell.variants[0].training].recipe
    found["gen-choice itself"] = plan.steps[found["gen-choice"].start.step].recipe
    found["pretraining"] = plan.steps[found["none"].start.step].recipe
    return found


@pytest.mark.parametrize(
    ("training", "intermediate", "target", "over", "crossing"),
    [
        ({"all": {"adaptation": LORA}}, OURS, OURS, "gen-choice", "new adapters on merged ones"),
        ({"all": {"adaptation": {**LORA, "between_phases": "carried"}}}, OURS, OURS, "base", "adapters carried on"),
        ({"gen-choice": {"adaptation": LORA}}, OURS, None, None, "in full, from merged adapters"),
        ({"gen-nli": {"adaptation": LORA}}, None, OURS, "gen-choice", "new adapters on a checkpoint trained in full"),
        (
            {"all": {"adaptation": LORA}, "gen-choice": {"adaptation": "full"}},
            None,
            OURS,
            "gen-choice",
            "new adapters on a checkpoint trained in full",
        ),
    ],
)
def test_intermediate_and_target_by_lora_or_in_full(sweep_file, training, intermediate, target, over, crossing):
    plan = plan_of(sweep_file, **training)
    found = trainings(plan)
    first, last, base = found["gen-choice itself"], found["gen-choice"], found["none"].start
    assert (first.adaptation and first.adaptation.lora) == intermediate
    assert (last.adaptation and last.adaptation.lora) == target
    assert last.start == first.checkpoint
    assert last.checkpoint.over == {"gen-choice": first.checkpoint, "base": base, None: None}[over]
    assert last.taken_over == crossing
    assert found["pretraining"].adaptation is None  # a model is made in full
    for step in plan.steps.values():  # whoever reads adapters has what they lie on
        origin = step.recipe.starts_from
        while isinstance(origin, CheckpointRef):
            assert origin.step in step.needs
            origin = origin.over
    evaluation = next(c.evaluation for c in plan.cells if (c.intermediate, c.target) == ("gen-choice", "gen-nli"))
    assert plan.steps[evaluation].recipe.model == last.checkpoint
    assert sum("LoRA rank 4, alpha 8, on attention: " in line for line in plan.remarks) == 1
    assert sum(line.startswith("in full: ") for line in plan.remarks) == 1  # the pretraining at least
    assert any(crossing in line for line in plan.remarks)


def test_what_no_adapters_precede_is_the_same_step_however_adapters_cross(sweep_file):
    merged, carried = (
        trainings(plan_of(sweep_file, all={"adaptation": {**LORA, "between_phases": way}}))
        for way in ("merged", "carried")
    )
    assert merged["none"].id == carried["none"].id
    assert merged["gen-choice itself"].id == carried["gen-choice itself"].id
    assert merged["gen-choice"].id != carried["gen-choice"].id


def test_adapters_that_nobody_carries_on_are_remarked_on(sweep_file):
    carried = {"adaptation": {**LORA, "between_phases": "carried"}}
    for training, said in (({"gen-nli": carried}, "training.gen-nli"), ({"all": carried}, None)):
        lines = [line for line in plan_of(sweep_file, **training).remarks if "none to carry on" in line]
        assert [line.partition(".adaptation")[0] for line in lines] == ([said] if said else [])


def test_a_file_that_asks_for_nothing_has_the_fingerprints_of_before(sweep_file):
    plain, full = (trainings(plan_of(sweep_file, **one)) for one in ({}, {"all": {"adaptation": "full"}}))
    assert {name: recipe.id for name, recipe in plain.items()} == {name: recipe.id for name, recipe in full.items()}
    assert "adaptation" not in plain["none"].model_dump(exclude_none=True)
    assert plan_of(sweep_file).remarks == ()


def test_adapters_of_another_shape_cannot_be_carried_on(sweep_file):
    unlike = {"lora": {"rank": 2}, "between_phases": "carried"}
    with pytest.raises(WrongSpec) as wrong:
        plan_of(sweep_file, **{"all": {"adaptation": LORA}, "gen-nli": {"adaptation": unlike}})
    (line,) = wrong.value.lines
    assert "training.gen-nli.adaptation.between_phases: carried, but it starts from other adapters" in line
    assert len(line) - len(line.partition(":")[0]) <= 300


def test_a_published_learning_rate_of_full_training_is_remarked_on(tmp_path):
    file = tmp_path / "sweep.yaml"
    for rate, said in (("", 1), ("learning_rate: 2.0e-4, ", 0), ("learning_rate: 1.0e-5, ", 0)):
        file.write_text(
            "sweep: s\nmodels: [mini]\nintermediates: [none]\ntargets: [{task: xnli, languages: [en]}]\nseeds: [1]\n"
            "data: hub\ntraining: {xnli: {" + rate + "adaptation: {lora: {rank: 8}}}}\n"
        )
        from sweeps.plan.requirements import draft_of

        remarks = draft_of(read_spec(file), file).remarks
        assert sum("LoRA at 1e-05, the published learning rate of full training" in line for line in remarks) == said
