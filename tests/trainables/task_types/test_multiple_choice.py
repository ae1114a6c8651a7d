"""Multiple choice: what a row becomes, choices that stay with their row, an evaluation from end to end."""

from __future__ import annotations

import json

import pytest
import torch
from datasets import Dataset
from torch.nn import functional as F

from trainables.batching.micro_batches import split_micro_batch_groups
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.tasks import TaskSpec
from trainables.store import PREDICTIONS
from trainables.task_types import get_task_type
from trainables.task_types.modeling import ModelOutputs
from trainables.tasks import get_task

TASK_TYPE = get_task_type("multiple-choice").modeling()
TASK = TaskSpec(name="t", version=1, type=TASK_TYPE.type.name, source="files")


def rows_of(*rows):
    names = ("prompt", "choices", "label")
    return Dataset.from_list([{"id": str(i), **dict(zip(names, row, strict=True))} for i, row in enumerate(rows)])


def sequences(feature):
    ends = [sum(feature["lengths"][: i + 1]) for i in range(len(feature["lengths"]))]
    return [feature["input_ids"][end - length : end] for end, length in zip(ends, feature["lengths"], strict=True)]


def test_each_choice_stands_behind_the_prompt_in_a_sequence_of_its_own(encoder, tokenizer):
    (feature,) = TASK_TYPE.encode(rows_of(("fires veki", ["runin", "nabur faron"], "1")), encoder, TASK, 64)
    prompt, first, second = (
        tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("fires veki", "runin", "nabur faron")
    )
    assert sequences(feature) == [[0, *prompt, 2, 2, *first, 2], [0, *prompt, 2, 2, *second, 2]]
    assert feature["label"] == 1


def test_the_front_of_the_prompt_goes_first_and_a_choice_only_where_it_is_too_long_itself(encoder, tokenizer):
    prompt, choice = " ".join(["fires", "veki"] * 20), " ".join(["runin"] * 3)
    (feature,) = TASK_TYPE.encode(rows_of((prompt, [choice, " ".join(["nabur"] * 60)], "0")), encoder, TASK, 24)
    ids = {text: tokenizer(text, add_special_tokens=False)["input_ids"] for text in (prompt, choice)}
    short, long = sequences(feature)
    kept = 24 - 4 - len(ids[choice])
    assert short == [0, *ids[prompt][-kept:], 2, 2, *ids[choice], 2]
    assert long == [0, 2, 2, *tokenizer(" ".join(["nabur"] * 60), add_special_tokens=False)["input_ids"][-20:], 2]


@pytest.mark.parametrize(("choices", "label"), [(["a"], "0"), (["a", "b"], "2"), (["a", "b"], "right")])
def test_a_row_without_a_right_choice_is_refused(encoder, choices, label):
    with pytest.raises(ValueError, match=r't, row "0": .* position of one'):
        TASK_TYPE.encode(rows_of(("p", choices, label)), encoder, TASK, 24)


def test_loss_and_prediction_are_those_of_a_softmax_over_each_rows_own_choices(encoder):
    rows = rows_of(("p", ["a", "b"], "1"), ("p", ["a", "b", "c", "d"], "2"), ("p", ["a", "b", "c"], "0"))
    features = TASK_TYPE.encode(rows, encoder, TASK, 24)
    batch = TASK_TYPE.collate(features, 1)
    assert batch["input_ids"].shape[0] == 9
    torch.manual_seed(1)
    output = torch.randn(9, 1, requires_grad=True)
    scores = [output[:2, 0], output[2:6, 0], output[6:, 0]]
    expected = sum(-F.log_softmax(one, 0)[right] for one, right in zip(scores, (1, 2, 0), strict=True))
    loss = TASK_TYPE.loss(output, batch)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()))
    loss.backward()
    assert bool(torch.isfinite(output.grad).all())
    raw = TASK_TYPE.postprocess(output, batch)
    assert raw == [int(one.argmax()) for one in scores]
    predictions = TASK_TYPE.predict(ModelOutputs([1, 2, 0], Dataset.from_list(features), rows), TASK, {})
    assert predictions == {"0": "1", "1": "2", "2": "0"}
    assert TASK_TYPE.score(predictions, rows, TASK, "en") == {"accuracy": 100.0}
    assert TASK_TYPE.score({**predictions, "1": "3"}, rows, TASK, "en")["accuracy"] == pytest.approx(200 / 3)


def test_rows_without_labels_are_predicted_and_not_scored(encoder):
    rows = rows_of(("p", ["a", "b"], ""))
    features = TASK_TYPE.encode(rows, encoder, TASK, 24)
    assert TASK_TYPE.predict(ModelOutputs([0], Dataset.from_list(features), rows), TASK, {}) == {"0": "0"}
    assert TASK_TYPE.score({"0": "0"}, rows, TASK, "en") == {}


def test_every_sequence_of_a_batch_has_a_dropout_mask_of_its_own_however_it_is_cut(encoder):
    rows = rows_of(*((f"p{i}", ["a", "b", "c", "d"][: 2 + i % 3], "0") for i in range(12)))
    features = TASK_TYPE.encode(rows, encoder, TASK, 24)
    lengths = [len(feature["input_ids"]) for feature in features]

    def masks(workers, tokens):
        """(row, number) of each sequence -> the number of its mask, as the loop has it."""
        found = {}
        for part in split_micro_batch_groups(lengths, workers, tokens, TASK_TYPE.type.contrastive_group_size):
            for place, number in TASK_TYPE.sequences([features[i] for i in part]):
                found[part[place], number] = part[place] + number * len(features)
        return found

    whole = masks(1, 10_000)
    assert len(set(whole.values())) == len(whole) == sum(len(feature["lengths"]) for feature in features)
    assert whole == masks(1, 20) == masks(3, 100)


@pytest.mark.deepspeed
def test_an_evaluation_from_end_to_end(world):
    trained = world.train("gen-choice", steps=2, evaluate_every=2)
    world.do(trained)
    evaluation = world.evaluation("gen-choice", CheckpointRef(step=trained.id), "one", "zero")
    world.do(evaluation)
    metrics = world.store.record(evaluation.id)["result"]["metrics"]
    assert set(metrics) == {"one", "zero"}
    assert 0 <= metrics["one"]["accuracy"] <= 100
    written = (world.store.path(evaluation.id) / PREDICTIONS / "one.jsonl").read_text().splitlines()
    gold = world.source.rows(get_task("gen-choice"), "test", "one")
    right = {row["id"]: row["label"] for row in gold}
    found = {row["id"]: row["prediction"] for row in map(json.loads, written)}
    assert found.keys() == right.keys()
    hits = sum(found[name] == right[name] for name in right)
    assert metrics["one"]["accuracy"] == pytest.approx(100 * hits / len(right))
