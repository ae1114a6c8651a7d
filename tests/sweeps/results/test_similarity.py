"""Similarity and transferability, from the sweep file to the table, on a tiny sweep that is carried out."""

from __future__ import annotations

import csv

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sweeps.cli.main import app
from sweeps.results.results import Results
from sweeps.results.similarity import DISTANCES, FITS, SIMILARITIES, similarities
from sweeps.state.sweep import Sweep
from trainables.models.task_model import load_task_model
from trainables.recipe.analyses import EmbedRecipe, SimilarityRecipe, TransferabilityRecipe
from trainables.recipe.execution import Execution
from trainables.steps.kinds.embed import EMBEDDED
from trainables.steps.run import carry_out
from trainables.store import Store

pytestmark = pytest.mark.deepspeed
ASKED = {"similarity": {"limit": 60, "layer": 1}, "transferability": {"limit": 12}}


@pytest.fixture(scope="module")
def done(tiny, here, tmp_path_factory):
    fields = {
        **tiny,
        "models": {"small": {name: one for name, one in tiny["models"]["small"].items() if name != "pretrain"}},
        "intermediates": ["none", "gen-nli", {"name": "both", "tasks": ["gen-topic", "gen-nli"]}],
        "targets": [
            {"task": "gen-nli", "languages": ["two"]},
            {"task": "gen-qa", "languages": ["two"]},
            {"task": "gen-tags", "languages": ["two"]},
            {"task": "gen-choice", "languages": ["two"]},
            "gen-pairs",
        ],
        "steps": ASKED,
        "training": {"all": {"steps": 2, "evaluate_every": 2, "batch_size": 8, "max_length": 64}},
    }
    return Sweep(*here(fields, tmp_path_factory.mktemp("similarity")))


def test_every_intermediate_is_compared_with_every_target_that_is_trained(done):
    found = similarities(done.plan, done.store)
    data = {(one.intermediate, one.target) for one in found if one.measure in (*DISTANCES, *SIMILARITIES)}
    assert data == {(i, t) for i in ("gen-nli", "both") for t in ("gen-nli", "gen-qa", "gen-tags", "gen-choice")}
    fits = {(one.intermediate, one.target, one.seed, one.measure) for one in found if one.measure in FITS}
    seeds = {"none": None, "gen-nli": 1, "both": 1}
    # Spans are no classes; the head of `gen-nli` labels sequences, as its targets do; `both` has two heads.
    logme = {(i, t, seed, "logme") for i, seed in seeds.items() for t in ("gen-nli", "gen-tags", "gen-choice")}
    leep = {("gen-nli", target, 1, "leep") for target in ("gen-nli", "gen-choice")}
    assert {one for one in fits if one[3] != "h_score"} == logme | leep
    itself = {one.measure: one for one in found if (one.intermediate, one.target) == ("gen-nli", "gen-nli")}
    assert [itself[name].value for name in DISTANCES] == pytest.approx([0, 0, 0], abs=1e-9)
    assert itself["cosine"].value == pytest.approx(1)
    assert (itself["cosine"].layer, itself["jensen_shannon"].layer, itself["cosine"].rows) == (1, None, 60)
    assert itself["leep"].rows == 12


def test_equal_rows_are_embedded_once_and_micro_batches_change_nothing(done, host, tmp_path):
    steps = done.plan.steps.values()
    embedded = [step for step in steps if isinstance(step.recipe, EmbedRecipe)]
    assert len(embedded) == 5  # gen-nli is an intermediate and a target
    again = Store(str(tmp_path / "store"))
    for step in steps:
        if step.kind.group == "prepare":
            carry_out(step.recipe, step.execution, again, host())
    for step in embedded:
        execution = step.execution.model_copy(update={"micro_batch_tokens": 200})
        carry_out(step.recipe, execution, again, host())
        ours, theirs = (np.load(store.path(step.id) / EMBEDDED) for store in (done.store, again))
        assert np.allclose(ours["vectors"], theirs["vectors"], atol=1e-5)
        assert np.array_equal(ours["subwords"], theirs["subwords"])
    for step in steps:
        if isinstance(step.recipe, SimilarityRecipe):
            carry_out(step.recipe, step.execution, again, host())
            ours, theirs = (store.record(step.id)["result"] for store in (done.store, again))
            assert ours == pytest.approx(theirs, abs=1e-5)


def test_rows_are_drawn_by_position_from_all_data_together(done):
    from trainables.analysis.features import texts_of
    from trainables.data.prepare import drawn

    (steps,) = {step.recipe.data for step in done.plan.steps.values() if len(getattr(step.recipe, "data", "")) == 2}
    everything = texts_of(done.store, steps, "train", 10_000)
    few = texts_of(done.store, steps, "train", 40)
    assert few == [everything[number] for number in drawn(len(everything), 40)]
    single = [texts_of(done.store, (step,), "train", 10_000) for step in steps]
    assert everything == single[0] + single[1]
    assert all(set(few) & set(texts) for texts in single)


def test_leep_reads_the_predictions_of_the_intermediates_own_head(done):
    """The head under its own name gives the probabilities that stand behind the states."""
    from trainables.analysis.features import labelled
    from trainables.data.prepare import load_split
    from trainables.task_types import get_task_type

    (recipe,) = (
        step.recipe
        for step in done.plan.steps.values()
        if isinstance(step.recipe, TransferabilityRecipe) and step.recipe.source == step.recipe.task
    )
    seen = labelled(recipe.model_copy(update={"limit": 1000}), done.store, Execution(), lambda: None)
    modeling = get_task_type(recipe.source.type).modeling()
    model = load_task_model(
        recipe.model, "gen-nli", lambda b: modeling.head(b, recipe.source, 0.0), "fp32", done.store, Execution()
    )
    features, examples = load_split(done.store, recipe.data, "dev-one")
    logits = model(modeling.collate(features.to_list(), 1), "gen-nli").detach()
    assert np.allclose(seen.source, logits.softmax(-1).numpy(), atol=1e-5)
    assert [recipe.task.labels[label] for label in seen.labels] == examples["label"][:]


def test_each_choice_is_a_candidate_that_is_the_right_one_or_not(done):
    from trainables.analysis.features import labelled
    from trainables.data.prepare import load_split
    from trainables.models.loading import load_backbone
    from trainables.task_types import get_task_type

    recipe = next(
        step.recipe
        for step in done.plan.steps.values()
        if isinstance(step.recipe, TransferabilityRecipe) and step.recipe.task.name == "gen-choice"
    )
    seen = labelled(recipe.model_copy(update={"limit": 1000, "source": None}), done.store, Execution(), lambda: None)
    features, examples = load_split(done.store, recipe.data, "dev-one")
    right = [int(label) for label in examples["label"][:]]
    counts = [len(choices) for choices in examples["choices"][:]]
    assert seen.labels.tolist() == [int(i == r) for r, n in zip(right, counts, strict=True) for i in range(n)]
    assert seen.rows == len(examples)
    batch = get_task_type("multiple-choice").modeling().collate(features.to_list(), 1)
    backbone = load_backbone(recipe.model, done.store, Execution())
    backbone.model.eval()
    states = backbone.encode(batch).sentence.detach()
    assert np.allclose(seen.features, states.numpy(), atol=1e-5)


def test_nothing_of_a_target_language_is_read(done):
    for step in done.plan.steps.values():
        if isinstance(step.recipe, EmbedRecipe | TransferabilityRecipe):
            for data in step.recipe.data_steps:
                assert {rows.language for rows in done.plan.steps[data].recipe.rows} == {"one"}


def test_the_numbers_stand_in_tables_and_files(done, tmp_path):
    found = similarities(done.plan, done.store)
    Results(done).write(tmp_path)
    rows = pq.read_table(tmp_path / "similarity.parquet").to_pylist()
    assert [row["value"] for row in rows] == [one.value for one in found]
    with (tmp_path / "similarity.csv").open() as file:
        assert [float(row["value"]) for row in csv.DictReader(file)] == pytest.approx([one.value for one in found])
    file = done.store.root.removesuffix("/store") + "/sweep.yaml"
    shown = CliRunner().invoke(app, ["results", file], env={"COLUMNS": "160"}).output
    for heading in ("jensen shannon", "proxy a distance", "mmd2", "cosine", "logme", "leep"):
        assert heading in shown


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ({"similarity": {"layer": 3}}, "steps.similarity: layer: 3, and small has 2 blocks; give 0 to 2"),
        ({"similarity": {"max_length": 500}}, "steps.similarity: max_length: 500; small has room for 128 subwords"),
        ({"similarity": {"limit": 9000}}, "steps.similarity: limit: input should be less than or equal to 5000"),
        ({"similarity": {"layers": 1}}, 'steps.similarity: layers: unknown field; did you mean "layer"?'),
        ({"similarity": {"rows": "test"}}, "steps.similarity: rows: input should be 'train' or 'dev'"),
        ({"transferability": {"limit": True}}, "steps.transferability: limit: input should be a valid integer"),
        ({"embed": {}}, "steps.embed: steps of this kind are not asked for by name"),
    ],
)
def test_a_mistake_is_one_line(sweep_file, steps, said):
    planned = CliRunner().invoke(app, ["plan", str(sweep_file(intermediates=["none", "gen-nli"], steps=steps))])
    assert planned.exit_code == 2
    assert said in " ".join(planned.output.split())


def test_a_sweep_with_nothing_to_compare_is_one_line(sweep_file):
    for steps, fields, said in (
        ({"similarity": {}}, {}, "has no intermediate"),
        ({"transferability": {}}, {"targets": ["gen-qa"]}, "spans are neither, and retrieval is not trained"),
    ):
        planned = CliRunner().invoke(app, ["plan", str(sweep_file(steps=steps, **fields))])
        assert planned.exit_code == 2
        assert said in " ".join(planned.output.split())


def test_targets_that_nothing_is_said_of_are_named_while_planning(sweep_file):
    file = sweep_file(targets=["gen-nli", "gen-choice", "gen-qa", "gen-pairs"], steps={"transferability": {}})
    planned = " ".join(CliRunner().invoke(app, ["plan", str(file)]).output.split())
    assert "steps.transferability: nothing of gen-qa, gen-pairs: no labels of rows, words or choices" in planned
