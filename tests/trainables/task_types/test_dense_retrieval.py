"""Dense retrieval: what a row becomes, which pairs are negatives, numbers apart from execution, search in a pool."""

from __future__ import annotations

import json
import shutil

import datasets
import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from torch.nn import functional as F

from trainables.models.backbones.modeling import EncoderOutput
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.tasks import TaskSpec
from trainables.store import HEAD, MODEL, PREDICTIONS, Store
from trainables.task_types import get_task_type
from trainables.task_types.dense_retrieval.modeling import SCALE, UnitVectorHead
from trainables.task_types.dense_retrieval.schema import DEPTH
from trainables.task_types.modeling import ModelOutputs
from trainables.tasks import get_task

TASK_TYPE = get_task_type("dense-retrieval").modeling()
TASK = TaskSpec(name="t", version=1, type=TASK_TYPE.type.name, source="files")


def rows_of(*rows):
    names = ("query", "candidate", "matches")
    return Dataset.from_list([{"id": str(i), **dict(zip(names, row, strict=True))} for i, row in enumerate(rows)])


def said(rows, *raw):
    features = Dataset.from_list([{"input_ids": [0, 2], "lengths": [2], "example": i} for i in range(len(rows))])
    return ModelOutputs([np.array(one, dtype=np.float32) for one in raw], features, rows)


def test_a_row_becomes_the_sides_that_it_has(encoder, tokenizer):
    rows = rows_of(("fires veki", "runin", []), ("fires", "", ["1"]), ("", "nabur faron", []))
    both, query, candidate = TASK_TYPE.encode(rows, encoder, TASK, 16)
    ids = {t: [0, *tokenizer(t, add_special_tokens=False)["input_ids"], 2] for t in ("fires veki", "runin", "fires")}
    assert both["input_ids"] == ids["fires veki"] + ids["runin"]
    assert both["lengths"] == [len(ids["fires veki"]), len(ids["runin"])]
    assert query["input_ids"] == ids["fires"]
    assert candidate["input_ids"] == [0, *tokenizer("nabur faron", add_special_tokens=False)["input_ids"], 2]
    long = TASK_TYPE.encode(rows_of((" ".join(["fires"] * 40), " ".join(["runin"] * 40), [])), encoder, TASK, 16)
    assert long[0]["lengths"] == [16, 16]
    batch = TASK_TYPE.collate([both, both], 1)
    assert batch["input_ids"].shape[0] == 4
    assert batch["input_ids"][1, : len(ids["runin"])].tolist() == ids["runin"]
    assert TASK_TYPE.sequences([both, query, both]) == [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)]


def test_a_vector_is_the_first_token_through_dense_and_tanh_at_unit_length():
    torch.manual_seed(1)
    head = UnitVectorHead(6)
    states = torch.randn(3, 5, 6)
    hidden = EncoderOutput(states, states[:, 0])
    expected = torch.tanh(states[:, 0] @ head.dense.weight.T + head.dense.bias)
    assert torch.allclose(head(hidden, {}), expected / expected.norm(dim=1, keepdim=True), atol=1e-6)


def test_the_loss_is_a_softmax_over_the_group_without_other_right_answers():
    torch.manual_seed(1)
    # 20 rows are a group of 16 and one of 4. Row 3 has row 1's candidate, row 5 row 0's query.
    texts = [([10 + i], [50 + i]) for i in range(20)]
    texts[3] = (texts[3][0], texts[1][1])
    texts[5] = (texts[0][0], texts[5][1])
    texts[18] = (texts[18][0], texts[1][1])  # of another group
    features = [{"input_ids": q + c, "lengths": [1, 1], "example": i} for i, (q, c) in enumerate(texts)]
    output = F.normalize(torch.randn(40, 8), dim=-1)
    queries, candidates = output[0::2], output[1::2]
    left_out = {(1, 3), (3, 1), (0, 5), (5, 0)}
    expected = 0.0
    for group in (range(16), range(16, 20)):
        for i in group:
            scores = {j: SCALE * queries[i] @ candidates[j] for j in group if (i, j) not in left_out}
            expected += torch.logsumexp(torch.stack(list(scores.values())), 0) - scores[i]
    loss = TASK_TYPE.loss(output, TASK_TYPE.collate(features, 1))
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


def carried_out(world, recipe, folder, **execution):
    shutil.copytree(world.store.root, folder)
    store = Store(str(folder))
    world.do(recipe, Execution(log_every=1, **execution), store=store)
    path = store.path(recipe.id)
    weights = {**load_file(path / MODEL / "model.safetensors"), **load_file(path / HEAD)}
    return [loss for _, loss in store.record(recipe.id)["result"]["losses"]], weights


@pytest.mark.deepspeed
def test_execution_leaves_the_numbers_as_they_are(world, tmp_path):
    # A batch of two groups and a piece of one.
    recipe = world.train("gen-ask", batch_size=40, steps=4, dropout=0.1, attention_dropout=0.1)
    plain, a = carried_out(world, recipe, tmp_path / "a", zero_stage=0, micro_batch_tokens=100_000)
    cut, b = carried_out(world, recipe, tmp_path / "b", zero_stage=2, micro_batch_tokens=100)
    assert cut == pytest.approx(plain, abs=5e-5)
    assert max(float((a[key] - b[key]).abs().max()) for key in a) < 2e-4


def test_dev_rows_are_searched_in_their_own_distinct_candidates():
    rows = rows_of(("q", "x", []), ("r", "y", []), ("s", "x", []), ("r", "z", []))
    x, y, z = np.eye(3)
    outputs = said(rows, [x, x], [z + 0.1 * y, y], [y + 0.1 * x, x], [z, z])
    predictions = TASK_TYPE.predict(outputs, TASK, {})
    assert predictions["0"][0] == "0"
    assert predictions["1"] == ["3", "1", "0"]
    assert predictions["2"] == ["1", "0", "3"]  # row 2's candidate is row 0's
    # Row 0: 1. Row 1 asks what row 3 asks, which two candidates answer: (1 + 2/2) / 2. Row 2: 1/2. Row 3: z, then y or
    # x, which are as near as each other.
    last = {"1": 1.0, "0": (1 + 2 / 3) / 2}[predictions["3"][1]]
    score = TASK_TYPE.score(predictions, rows, TASK, "en")
    assert score == {"map@20": pytest.approx(100 * (1 + 1 + 0.5 + last) / 4)}


def test_test_rows_are_searched_in_the_pool():
    rows = rows_of(("q", "", ["en-0", "de-0"]), ("r", "", ["de-1"]))
    rng = np.random.default_rng(1)
    pool_vectors = rng.normal(size=(60, 16))
    pool_vectors[30:32] = pool_vectors[:2] + 0.01 * rng.normal(size=(2, 16))
    pool = rows_of(*(("", f"c{i}", []) for i in range(60)))
    names = [f"{language}-{i}" for language in ("en", "de") for i in range(30)]
    pool = pool.remove_columns("id").add_column("id", names)
    queries = [3 * pool_vectors[0], pool_vectors[1]]
    predictions = TASK_TYPE.predict(
        said(rows, *([one] for one in queries)), TASK, {"pool": said(pool, *([one] for one in pool_vectors))}
    )
    assert [len(found) for found in predictions.values()] == [DEPTH, DEPTH]
    assert predictions["0"][:2] == ["en-0", "de-0"]
    assert predictions["1"][:2] == ["en-1", "de-1"]
    assert TASK_TYPE.score(predictions, rows, TASK, "en") == {"map@20": pytest.approx(75.0)}


def test_without_a_pool_or_labels_nothing_is_made_up():
    rows = rows_of(("q", "", []), ("r", "", []))
    with pytest.raises(ValueError, match="t: these rows have no candidates of their own, and there is no pool"):
        TASK_TYPE.predict(said(rows, [[1.0, 0.0]], [[0.0, 1.0]]), TASK, {})
    assert TASK_TYPE.score({"0": ["a"], "1": ["b"]}, rows, TASK, "en") == {}


@pytest.mark.deepspeed
def test_an_evaluation_from_end_to_end(world):
    trained = world.train("gen-ask", steps=2, evaluate_every=2)
    world.do(trained)
    evaluation = world.evaluation("gen-ask", CheckpointRef(step=trained.id), "one", "zero")
    world.do(evaluation)
    metrics = world.store.record(evaluation.id)["result"]["metrics"]
    pool = set(world.source.rows(get_task("gen-ask"), "pool", "mul")["id"])
    for language in ("one", "zero"):
        written = (world.store.path(evaluation.id) / PREDICTIONS / f"{language}.jsonl").read_text().splitlines()
        predictions = {row["id"]: row["prediction"] for row in map(json.loads, written)}
        rows = world.source.rows(get_task("gen-ask"), "test", language)
        assert list(predictions) == rows["id"][:]
        assert all(len(set(found)) == DEPTH and set(found) <= pool for found in predictions.values())
        assert metrics[language] == TASK_TYPE.score(predictions, rows, TASK, language)


@pytest.mark.deepspeed
def test_a_pool_of_the_questions_themselves_answers_them(world, fresh):
    """Each match in the pool put into the words of its question: the real model must find all of them."""
    from trainables.evaluation.evaluate import evaluate

    trained = fresh.train("gen-ask", steps=1, evaluate_every=1)
    fresh.do(trained)
    evaluation = fresh.evaluation("gen-ask", CheckpointRef(step=trained.id), "one")
    directory = fresh.store.path(evaluation.data)
    load = lambda name, part: datasets.load_from_disk(str(directory / name / part))  # noqa: E731
    asked = {}
    for feature, matches in zip(load("test-one", "features"), load("test-one", "examples")["matches"], strict=True):
        asked.update(dict.fromkeys(matches, (feature["input_ids"], feature["lengths"])))
    features = load("pool-mul", "features").to_list()
    for feature, name in zip(features, load("pool-mul", "examples")["id"], strict=True):
        if name in asked:
            feature["input_ids"], feature["lengths"] = asked[name]
    shutil.rmtree(directory / "pool-mul" / "features")
    Dataset.from_list(features).save_to_disk(directory / "pool-mul" / "features")
    made = fresh.store.begin(evaluation.id)
    assert evaluate(evaluation, fresh.store, Execution(), made)["metrics"]["one"]["map@20"] > 99
