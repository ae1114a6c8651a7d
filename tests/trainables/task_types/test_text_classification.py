"""Classification of single texts: inputs, predictions, and macro-F1 as its reference has it."""

from __future__ import annotations

import random

import pytest
from datasets import Dataset
from sklearn.metrics import f1_score

from trainables.metrics.by_example import together
from trainables.recipe.tasks import TaskSpec
from trainables.task_types import get_task_type
from trainables.task_types.modeling import ModelOutputs

TYPE = get_task_type("text-classification")
LABELS = ("sports", "travel", "health")
TASK = TaskSpec(name="topic", version=1, type=TYPE.name, source="files", labels=LABELS)


def rows(labels, text="fires veki"):
    return Dataset.from_dict(
        {"id": [str(i) for i in range(len(labels))], "text": [text] * len(labels), "label": labels}
    )


def test_a_text_is_one_sequence_cut_at_its_end(encoder):
    modeling = TYPE.modeling()
    (piece, *_) = encoder.subwords(["fires"])
    features = modeling.encode(rows(["travel", ""], "fires " * 40), encoder, TASK, 12)
    assert [feature["label"] for feature in features] == [1, -1]
    assert features[0]["input_ids"] == encoder.join((piece * 40)[:10])["input_ids"]
    outputs = ModelOutputs([2, 0], Dataset.from_list(features), rows(["travel", ""]))
    assert modeling.predict(outputs, TASK, {}) == {"0": "health", "1": "sports"}
    assert modeling.score({"0": "health", "1": "sports"}, rows(["travel", ""]), TASK, "en") == {}


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_is_that_of_scikit_learn_and_of_sums_over_examples(seed):
    rng = random.Random(seed)
    gold = rng.choices(LABELS[: 2 + seed % 2], k=20)  # some labels occur nowhere, some among the predictions alone
    found = rng.choices(LABELS, weights=(5, 2, 1), k=20)
    predictions = {str(i): label for i, label in enumerate(found)}
    scores = TYPE.modeling().score(predictions, rows(gold), TASK, "en")
    assert scores["macro_f1"] == pytest.approx(100 * f1_score(gold, found, average="macro", labels=sorted(set(gold))))
    assert scores["accuracy"] == pytest.approx(100 * sum(a == b for a, b in zip(gold, found, strict=True)) / 20)
    _, measure = TYPE.measure(TASK, "en", rows(gold))
    shares = measure(predictions)
    assert {name: one.score for name, one in shares.items()} == pytest.approx(scores)
    # Of several metrics the score is their mean, though one is itself a mean over labels.
    both = together([shares["accuracy"], shares["macro_f1"]])
    assert both.score == pytest.approx((scores["accuracy"] + scores["macro_f1"]) / 2)


def test_of_two_labels_the_last_one_has_an_f1():
    task = TASK.model_copy(update={"labels": ("no", "yes")})
    scores = TYPE.modeling().score({"0": "yes", "1": "yes", "2": "no"}, rows(["yes", "no", "no"]), task, "en")
    assert scores["f1"] == pytest.approx(200 / 3)
    assert scores["macro_f1"] == pytest.approx(200 / 3)
