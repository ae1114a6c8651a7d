"""Bitext mining: a row becomes a vector, pairs decode back, the threshold is the dev rows', evaluations end to end."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from datasets import Dataset

from trainables.data.prepare import load_split
from trainables.evaluation.evaluate import evaluate
from trainables.models.inputs import load_input_encoder
from trainables.models.loading import load_backbone
from trainables.recipe.execution import Execution
from trainables.recipe.tasks import PoolingConfig, TaskSpec
from trainables.store import PREDICTIONS
from trainables.task_types import get_task_type
from trainables.task_types.modeling import ModelOutputs

TASK_TYPE = get_task_type("bitext-mining").modeling()
TASK = TaskSpec(name="t", version=1, type=TASK_TYPE.type.name, source="files")


def rows_of(foreign, english, matches):
    """`matches`: which foreign sentence (its place) is the translation of which English one."""
    rows = [("foreign", i, text, f"e{matches[i]}" if i in matches else "") for i, text in enumerate(foreign)]
    rows += [("english", i, text, "") for i, text in enumerate(english)]
    return Dataset.from_list([{"id": f"{s[0]}{i}", "side": s, "text": text, "match": m} for s, i, text, m in rows])


def said(rows, vectors):
    """Outputs of the model that gives each text its vector."""
    raw = [np.array(vectors[text], dtype=np.float32) for text in rows["text"]]
    return ModelOutputs(raw, Dataset.from_list([{"input_ids": [0, 2], "example": i} for i in range(len(rows))]), rows)


def corpus(seed, translated, strays=4, noise=0.15):
    """Sentences of which the first few are translations, each with a vector near its translation's."""
    rng = np.random.default_rng(seed)
    foreign = [f"f{seed}-{i}" for i in range(translated + strays)]
    english = [f"e{seed}-{i}" for i in range(translated + strays)]
    base = rng.normal(size=(translated, 128))
    side = {name: rng.normal(size=(len(texts), 128)) for name, texts in (("f", foreign), ("e", english))}
    side["f"][:translated] = base + noise * side["f"][:translated]
    side["e"][:translated] = base + noise * side["e"][:translated]
    vectors = {**dict(zip(foreign, side["f"], strict=True)), **dict(zip(english, side["e"], strict=True))}
    return rows_of(foreign, english, {i: i for i in range(translated)}), vectors


def test_of_two_translations_each_is_right_and_one_can_be_found():
    rows, vectors = corpus(1, 4, noise=0.1)
    rows = rows.to_list()
    rows[0]["match"] = "e0\te7"
    rows = Dataset.from_list(rows)
    predictions = TASK_TYPE.predict(said(rows, vectors), TASK, {})
    scores = TASK_TYPE.score(predictions, rows, TASK, "de")
    assert scores["precision"] == 100.0
    assert scores["recall"] == pytest.approx(100 * 4 / 5)
    ids, measure = TASK_TYPE.type.measure(TASK, "de", rows)
    assert ids == rows["id"][:8]
    assert measure(predictions)["f1"].score == pytest.approx(scores["f1"])


def test_each_sentence_is_a_feature(world):
    encoder = load_input_encoder(world.scratch(), world.store, Execution())
    rows = rows_of(["fires veki"], ["runin", ""], {0: 0})
    features = TASK_TYPE.encode(rows, encoder, TASK, 64)
    (ids,) = encoder.subwords(["fires veki"])
    assert features[0] == {"input_ids": [0, *ids, 2], "example": 0}
    assert [feature["example"] for feature in features] == [0, 1, 2]
    assert features[2]["input_ids"] == [0, 2]


def test_pairs_are_mined_and_the_threshold_of_the_dev_rows_keeps_the_right_ones():
    dev, dev_vectors = corpus(1, 12, noise=0.2)
    test, test_vectors = corpus(2, 15, noise=0.1)
    predictions = TASK_TYPE.predict(said(test, test_vectors), TASK, {"dev": said(dev, dev_vectors)})
    tuned = predictions[""]
    assert tuned["own"] is False
    assert tuned["dev_f1"] == 100.0
    assert {ours: found["match"] for ours, found in predictions.items() if ours} == {
        f"f{i}": f"e{i}" for i in range(15)
    }
    assert all(found["score"] >= tuned["threshold"] for ours, found in predictions.items() if ours)
    scores = TASK_TYPE.score(predictions, test, TASK, "de")
    assert scores == {
        "f1": 100.0,
        "precision": 100.0,
        "recall": 100.0,
        "threshold": tuned["threshold"],
        "dev_f1": 100.0,
        "own_threshold": 0.0,
    }


def test_the_threshold_is_that_of_the_dev_rows_and_not_of_the_test_rows():
    dev, dev_vectors = corpus(1, 12, noise=0.02)  # translations so near that the threshold is high
    test, test_vectors = corpus(2, 15, noise=1.3)
    outputs = said(test, test_vectors)
    scores = TASK_TYPE.score(TASK_TYPE.predict(outputs, TASK, {"dev": said(dev, dev_vectors)}), test, TASK, "de")
    own = TASK_TYPE.score(TASK_TYPE.predict(outputs, TASK, {}), test, TASK, "de")
    assert own["threshold"] < scores["threshold"]
    assert own["f1"] > scores["f1"]
    # A score with a threshold of its own is the best there could be, and says so.
    assert own["own_threshold"] == 1.0
    assert own["f1"] == pytest.approx(own["dev_f1"])
    same = TASK_TYPE.score(TASK_TYPE.predict(outputs, TASK, {"dev": outputs}), test, TASK, "de")
    assert same == own


def test_sentences_that_stand_twice_are_mined_as_one_and_left_out():
    rows, vectors = corpus(3, 6)
    texts = rows["text"][:]
    foreign, english = texts[:10], texts[10:]
    twice = rows_of([*foreign, foreign[0]], [*english, english[1], english[1]], {i: i for i in range(6)})
    predictions = TASK_TYPE.predict(said(twice, vectors), TASK, {})
    assert {ours for ours in predictions if ours} == {"f2", "f3", "f4", "f5"}


def test_rows_without_labels_are_mined_and_not_scored():
    rows, vectors = corpus(4, 6)
    hidden = rows.remove_columns("match").add_column("match", [None] * len(rows))
    predictions = TASK_TYPE.predict(said(hidden, vectors), TASK, {})
    assert predictions[""] == {"threshold": 0.0, "dev_f1": None, "own": True}
    assert {f"f{i}" for i in range(6)} <= set(predictions)
    assert TASK_TYPE.score(predictions, hidden, TASK, "de") == {}
    dev, dev_vectors = corpus(5, 6)
    predictions = TASK_TYPE.predict(said(hidden, vectors), TASK, {"dev": said(dev, dev_vectors)})
    assert predictions[""]["dev_f1"] == 100.0


def test_one_side_alone_is_an_error():
    rows, vectors = corpus(4, 6)
    with pytest.raises(ValueError, match="10 foreign and 0 English sentences"):
        TASK_TYPE.predict(said(rows.select(range(10)), vectors), TASK, {})


@pytest.mark.parametrize("name", ["bitext-mining", "retrieval"])
def test_vectors_are_those_of_the_layer_and_the_pooling_that_the_task_says(world, name):
    backbone = load_backbone(world.scratch(), world.store, Execution())
    batch = {
        "input_ids": torch.tensor([[0, 7, 8, 2], [0, 9, 2, 1]]),
        "attention_mask": torch.tensor([[1] * 4, [1] * 3 + [0]]),
    }
    hidden = backbone.encode(batch, all_layers=True)
    task_type = get_task_type(name).modeling()

    def vectors(**given):
        task = TASK.model_copy(update={"type": name, "vectors": PoolingConfig(**given) if given else None})
        return task_type.head(backbone, task, 0.0)(hidden, batch)

    for layer in range(3):
        states = hidden.hidden_states[layer]
        assert torch.equal(vectors(layer=layer, pooling="first"), states[:, 0])
        mean = torch.stack([states[0].mean(0), states[1, :3].mean(0)])
        assert torch.allclose(vectors(layer=layer), mean, atol=1e-6)
    # Block 14 of 24 is the first of two.
    assert torch.equal(vectors(), vectors(layer=1, pooling="mean"))
    with pytest.raises(ValueError, match=r"vectors.layer is 3, but the model has 2 blocks"):
        vectors(layer=3)


def test_an_evaluation_from_end_to_end(world):
    recipe = world.evaluation("gen-mine", world.scratch(), "two", "zero")
    world.do(recipe)
    metrics = world.store.record(recipe.id)["result"]["metrics"]
    assert set(metrics) == {"two", "zero"}
    for language, scores in metrics.items():
        assert scores["own_threshold"] == 0.0
        written = (world.store.path(recipe.id) / PREDICTIONS / f"{language}.jsonl").read_text().splitlines()
        predictions = {row["id"]: row["prediction"] for row in map(json.loads, written)}
        examples = load_split(world.store, recipe.data, f"test-{language}")[1]
        assert TASK_TYPE.score(predictions, examples, recipe.task, language) == scores


def test_a_text_and_itself_are_mined_whole(fresh):
    """English sentences put in the place of their translations: everything is found, through the real model."""
    recipe = fresh.evaluation("gen-mine", fresh.scratch(), "two")
    for split in ("dev", "test"):
        directory = fresh.store.path(recipe.data) / f"{split}-two"
        features, examples = load_split(fresh.store, recipe.data, f"{split}-two")
        place = {name: i for i, name in enumerate(examples["id"][:])}
        same = [
            {**row, "input_ids": features[place[match]]["input_ids"]} if match else row
            for row, match in zip(features.to_list(), examples["match"][:], strict=True)
        ]
        shutil.rmtree(directory / "features")
        Dataset.from_list(same).save_to_disk(directory / "features")
    scores = evaluate(recipe, fresh.store, Execution(), fresh.store.begin(recipe.id))["metrics"]["two"]
    assert scores["recall"] == 100.0
    assert scores["f1"] > 60
