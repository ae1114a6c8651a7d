"""Translation ranking: pairs as two sentences, wrong answers of the same group, numbers apart from execution."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from trainables.models.loading import load_backbone
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.recipes import DataRecipe, TrainRecipe
from trainables.recipe.sampling import Mixture
from trainables.recipe.tasks import Selection, TrainTask
from trainables.store import MODEL, Store
from trainables.task_types import get_task_type
from trainables.task_types.translation_ranking.modeling import SCALE

TASK_TYPE = get_task_type("translation-ranking").modeling()


def ranking(world, objective=TASK_TYPE.type.name, **optimisation):
    """A recipe over the parallel text of two languages, one batch of which is two groups."""
    task = world.spec("gen-text").model_copy(update={"type": TASK_TYPE.type.name})
    start = world.scratch()
    rows = world.rows("gen-text", "train", "two", "three") + world.rows("gen-text", "dev", "two", "three")
    data = DataRecipe(task=task, rows=rows, tokenizer=CheckpointRef(step=start.tokenizer), max_length=64)
    settings = {"learning_rate": 2e-3, "batch_size": 128, "steps": 4, "evaluate_every": 4, **optimisation}
    part = TrainTask(
        task=task.model_copy(update={"type": objective}),
        data=(world.do(data),),
        mixture=Mixture(weights=(1.0,), alpha=0.5),
        head=task.name,
        select=Selection(metrics=("accuracy",)),
    )
    return TrainRecipe(tasks=(part,), start=start, optimisation=Optimisation(**settings), seed=1)


def carried_out(world, recipe, folder, **execution):
    shutil.copytree(world.store.root, folder)
    store = Store(str(folder))
    world.do(recipe, Execution(log_every=1, **execution), store=store)
    return store.record(recipe.id)["result"], load_file(store.path(recipe.id) / MODEL / "model.safetensors")


def test_the_loss_is_the_cross_entropy_of_each_group_in_both_directions():
    torch.manual_seed(1)
    output = F.normalize(torch.randn(2 * 128, 2, 8), dim=-1)
    expected = 0.0
    for layer in range(2):
        for group in (slice(0, 64), slice(64, 128)):
            cosines = SCALE * output[:128][group, layer] @ output[128:][group, layer].T
            right = torch.arange(64)
            expected += F.cross_entropy(cosines, right, reduction="sum") / 4
            expected += F.cross_entropy(cosines.T, right, reduction="sum") / 4
    assert float(TASK_TYPE.loss(output, {})) == pytest.approx(float(expected), rel=1e-5)


def test_both_sentences_of_a_pair_are_read_apart(world):
    recipe = ranking(world)
    features, _ = (world.store.path(recipe.data_steps[0]) / "train-two" / part for part in ("features", "examples"))
    import datasets

    rows = datasets.load_from_disk(str(features)).to_list()[:3]
    batch = TASK_TYPE.collate(rows, pad_id=1)
    assert batch["input_ids"].shape[0] == 6
    for i, row in enumerate(rows):
        for ids, side in ((row["input_ids"][: row["first"]], i), (row["input_ids"][row["first"] :], 3 + i)):
            assert batch["input_ids"][side, : len(ids)].tolist() == ids
            assert int(batch["attention_mask"][side].sum()) == len(ids)


@pytest.mark.deepspeed
def test_execution_leaves_the_numbers_as_they_are(world, tmp_path):
    recipe = ranking(world, dropout=0.1, attention_dropout=0.1)
    plain, a = carried_out(world, recipe, tmp_path / "a", zero_stage=0, micro_batch_tokens=100_000)
    cut, b = carried_out(world, recipe, tmp_path / "b", zero_stage=2, micro_batch_tokens=100)
    assert [loss for _, loss in cut["losses"]] == pytest.approx([loss for _, loss in plain["losses"]], abs=2e-5)
    assert max(float((a[key] - b[key]).abs().max()) for key in a) < 2e-4


@pytest.mark.deepspeed
def test_it_brings_translations_together(world, tmp_path):
    result, _ = carried_out(world, ranking(world, steps=60, evaluate_every=20, dropout=0.0), tmp_path / "s")
    first, last = result["losses"][0][1], result["losses"][-1][1]
    assert last < 0.6 * first
    # Five dev pairs in each of two languages: a fifth is chance.
    assert result["best"]["accuracy"] > 40


@pytest.mark.deepspeed
def test_word_ranking_trains_the_embeddings_alone_and_learns_translations(world, tmp_path):
    recipe = ranking(world, "word-ranking", batch_size=512, steps=40, evaluate_every=20, warmup=0.0, dropout=0.0)
    result, after = carried_out(world, recipe, tmp_path / "w")
    first, last = result["losses"][0][1], result["losses"][-1][1]
    assert last < 0.8 * first
    before = load_backbone(recipe.start, world.store, Execution()).model.state_dict()
    changed = {key for key in after if not torch.equal(after[key], before[key])}
    assert "embeddings.word_embeddings.weight" in changed
    assert not {key for key in changed if key.startswith("encoder.")}


@pytest.mark.deepspeed
def test_execution_leaves_word_ranking_as_it_is(world, tmp_path):
    recipe = ranking(world, "word-ranking", batch_size=512, dropout=0.1)
    plain, a = carried_out(world, recipe, tmp_path / "a", zero_stage=0, micro_batch_tokens=1_000_000)
    cut, b = carried_out(world, recipe, tmp_path / "b", zero_stage=3, micro_batch_tokens=100)
    assert [loss for _, loss in cut["losses"]] == pytest.approx([loss for _, loss in plain["losses"]], abs=2e-5)
    assert max(float((a[key] - b[key]).abs().max()) for key in a) < 2e-4
