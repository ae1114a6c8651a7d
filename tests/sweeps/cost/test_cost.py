"""What a sweep takes: counted from recipes, held against what training really did, and told by `xstilts plan`."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import sweeps
from sweeps.cli.main import app
from sweeps.cost.flops import estimate
from sweeps.cost.throughput import START_UP, throughput_on
from sweeps.plan.requirements import draft_of
from sweeps.spec.reading import read_spec
from sweeps.state.sweep import with_usual_costs
from trainables.models.backbones import shape_of
from trainables.models.backbones.xlm_roberta import XLMR_BASE, XLMR_LARGE
from trainables.recipe.execution import Execution

FOLDER = Path(sweeps.__file__).parent


@pytest.fixture(scope="module")
def study():
    """The published study as a draft, priced for A100s: costs by the names of its steps."""
    file = FOLDER / "paper.yaml"
    plan = estimate(draft_of(read_spec(file), file), throughput_on("A100")).plan
    return {step.name: step for step in plan.steps.values()}


@pytest.fixture(scope="module")
def finished(tiny, here, tmp_path_factory):
    """A tiny sweep that is done: its folder, plan and store."""
    folder = tmp_path_factory.mktemp("finished")
    fields = {**tiny, "training": {**tiny["training"], "gen-tags": {"dev_limit": 20}}}
    return folder, *here(fields, folder)[1:]


# --- shapes ----------------------------------------------------------------------------------------------------


def test_parameters_are_those_of_the_published_models():
    # The models of the hub also have a pooler of hidden x hidden + hidden.
    assert XLMR_LARGE.parameters + 1024 * 1024 + 1024 == 559_890_432
    assert XLMR_BASE.parameters + 768 * 768 + 768 == 278_043_648
    assert XLMR_LARGE.matrices == 301_989_888


def test_parameters_and_forward_pass_are_those_of_a_real_model(world):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from trainables.models.loading import load_backbone

    backbone = load_backbone(world.scratch(), world.store, Execution()).model
    shape = shape_of(backbone.config.to_dict(), "it")
    assert shape.parameters == sum(weight.numel() for weight in backbone.parameters())
    rows, length = 3, 20
    ids = torch.full((rows, length), 7)
    with FlopCounterMode(display=False) as counter:
        backbone(input_ids=ids, attention_mask=torch.ones_like(ids))
    assert counter.get_total_flops() == pytest.approx(rows * length * shape.forward(length), rel=0.01)
    with FlopCounterMode(display=False) as counter:
        backbone(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.sum().backward()
    assert counter.get_total_flops() == pytest.approx(3 * rows * length * shape.forward(length), rel=0.01)


def test_a_training_is_its_steps_by_its_batch_by_its_length(study):
    # MNLI: 2 epochs of 392,702 rows of 43 subwords in batches of 32; a look at 500 dev rows every 1,000 steps.
    cost = study["none -> xnli · seed 1"].cost
    updates = -(-2 * 392_702 // 32)
    trained, seen = updates * 32 * 43.0, -(-updates // 1000) * 500 * 43.0
    assert cost.tokens == pytest.approx(trained + seen, rel=1e-6)
    per_subword = 2 * 301_989_888 + 4 * 24 * 43 * 1024
    assert cost.flops == pytest.approx((3 * trained + seen) * per_subword, rel=2e-3)  # and a head's little


def test_evaluation_reads_every_language_once(study):
    cost = study["evaluate none -> xnli · seed 1"].cost
    assert cost.tokens == pytest.approx(15 * 5010 * 45.3)
    assert cost.flops == pytest.approx(cost.tokens * (2 * 301_989_888 + 4 * 24 * 45.3 * 1024), rel=2e-3)


def test_several_tasks_at_once_take_the_steps_of_their_capped_rows(study):
    alone = {name: study[f"{name} · seed 1"].cost.tokens for name in ("anli+", "mnli", "hellaswag")}
    together = study["all · seed 1"].cost
    assert alone["anli+"] < together.tokens < 10 * sum(alone.values())
    assert study["all · seed 1"].cost.flops > study["cosmosqa · seed 1"].cost.flops


def test_the_longest_remaining_path_is_in_seconds():
    file = FOLDER / "paper.yaml"
    spec = read_spec(file)
    plan = with_usual_costs(draft_of(spec, file))
    assert all(step.cost.seconds > START_UP for step in plan.steps.values())
    step = next(step for step in plan.steps.values() if step.name == "mnli · seed 1")
    below = [child for child in plan.steps.values() if step.id in child.needs]
    assert plan.remaining[step.id] == step.cost.seconds + max(plan.remaining[child.id] for child in below)


@pytest.mark.deepspeed
def test_what_is_prepared_and_trained_is_counted(finished):
    _, plan, store = finished
    drafted = estimate(plan, throughput_on(None)).plan
    found = estimate(plan, throughput_on(None), store)
    assert not found.sizes.estimated
    assert not found.sizes.unknown
    trains = [step for step in found.plan.steps.values() if step.kind.group == "train"]
    for step in trains:
        result = store.record(step.id)["result"]
        assert store.record(step.id)["environment"]["device"] == "cpu"
        counted = store.record(step.recipe.data_steps[0])["result"]
        dev = sum(split["subwords"] for name, split in counted.items() if name.startswith("dev"))
        really = result["tokens"] + len(result["dev"]) * dev
        # Which rows are drawn is up to the seed, and pretraining draws languages and translations by their own shares.
        assert step.cost.tokens == pytest.approx(really, rel=0.35 if step.tags["phase"] == "pretrain" else 0.1)
    # Its records are of this machine's cores: the middle one of the measured trainings is now met.
    assert found.throughput.measured == len(trains)
    ratios = sorted(
        store.record(step.id)["result"]["train_seconds"] / (step.cost.seconds - START_UP) for step in trains
    )
    assert ratios[0] <= 1.2
    assert ratios[-1] >= 0.8
    assert found.plan.remaining != drafted.remaining
    # On a GPU nothing has been measured.
    assert estimate(plan, throughput_on("A100"), store).throughput.correction == 1.0


# --- the command -----------------------------------------------------------------------------------------------


def told(*words):
    return CliRunner().invoke(app, ["plan", *words])


def test_the_command_prices_a_draft(tmp_path):
    words = (str(FOLDER / "paper.yaml"), "-o", f"storage={tmp_path}", "--gpus", "64")
    done = told(*words, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    price = found["price"]
    assert [phase["steps"] for phase in price["phases"]] == [22, 0, 10, 198, 253]
    assert sum(step["cost"]["flops"] for step in found["steps"]) == pytest.approx(
        sum(phase["flops"] for phase in price["phases"])
    )
    assert price["bound_hours"] == max(price["longest_path_hours"], price["work_hours"])
    hours = [price[name] for name in ("bound_hours", "wall_hours", "two_barriers_hours", "unshared_hours")]
    assert all(one <= other * (1 + 1e-9) for one, other in itertools.pairwise(hours))
    assert price["device_hours"] == pytest.approx(64 * price["work_hours"])
    shown = " ".join(told(*words, "--gpu-type", "H100").stdout.split())
    for line in ("wall clock", "lower bound", "two barriers", "unshared grid", "on 64 H100", "989 TFLOP/s in bf16"):
        assert line in shown


def test_what_is_done_costs_nothing_more(finished):
    folder, _, _ = finished
    done = told(str(folder / "sweep.yaml"), "--cpus", "2", "--json")
    assert done.exit_code == 0, done.stderr
    price = json.loads(done.stdout)["price"]
    assert (price["wall_hours"], price["device_hours"], price["unshared_hours"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--gpus", "2", "-o", "execution.workers=4"), "none -> xnli · seed 1 wants 4 GPUs, the cluster has 2"),
        (("--gpus", "8", "--gpu-type", "A1"), "--gpu-type A1: one of T4, V100"),
        (("--gpu-type", "A100"), "say also how many, with --gpus"),
        (("--cpus", "2", "-o", "execution.gpus_per_worker=1"), "say also how many there are, with --gpus"),
        (("--gpus", "8", "--cpus", "1", "-o", "execution.workers=4"), "wants 4 CPUs, the cluster has 1"),
        (("--nodes", "4x8x8x8"), "--nodes 4x8x8x8: give NxCPUS or NxCPUSxGPUS"),
        (("--nodes", "4"), "--nodes 4: give NxCPUS"),
        (("--nodes", "2x8x8", "--gpus", "8"), "--nodes: says how many GPUs and CPUs there are"),
        (("--nodes", "2x8x4", "-o", "execution.gpus_per_worker=8", "-o", "execution.workers=1"), "on one node, the"),
        (("--gpus", "8", "-o", "execution.gpus_per_worker=0"), "execution.gpus_per_worker is 0"),
    ],
)
def test_what_cannot_be_priced_is_one_line(words, complaint, tmp_path):
    done = told(str(FOLDER / "paper.yaml"), "-o", f"storage={tmp_path}", *words)
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not done.stdout
