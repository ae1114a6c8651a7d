"""What a row becomes, and that predictions decode back."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from datasets import Dataset

from trainables.recipe.execution import Execution
from trainables.recipe.tasks import PoolingConfig, TaskSpec
from trainables.task_types import get_task_type
from trainables.task_types.modeling import ModelOutputs
from trainables.task_types.span_qa.modeling import _best_span
from trainables.tasks import get_task


def spec(task_type, *labels):
    return TaskSpec(name="t", version=1, type=task_type, source="files", labels=labels)


def words(world, count, split="train"):
    rows = world.source.rows(get_task("gen-text"), split, "one")
    return [word for row in rows for word in row["text"].split()][:count]


def test_special_ids_are_those_of_xlm_r(tokenizer):
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>"]) == [0, 1, 2, 3]
    assert tokenizer.mask_token_id == len(tokenizer) - 1


def test_a_pair_is_encoded_as_roberta_does(world, encoder, tokenizer):
    task_type = get_task_type("pair-classification").modeling()
    a, b = words(world, 3), words(world, 8)[5:]
    rows = Dataset.from_dict({"id": ["1"], "text_a": [" ".join(a)], "text_b": [" ".join(b)], "label": ["no"]})
    (feature,) = task_type.encode(rows, encoder, spec(task_type.type.name, "yes", "no"), 64)
    first = tokenizer(" ".join(a), add_special_tokens=False)["input_ids"]
    second = tokenizer(" ".join(b), add_special_tokens=False)["input_ids"]
    assert feature["input_ids"] == [0, *first, 2, 2, *second, 2]
    assert feature["label"] == 1
    task = spec(task_type.type.name, "yes", "no")
    assert task_type.predict(ModelOutputs([1], Dataset.from_list([feature]), rows), task, {}) == {"1": "no"}
    assert task_type.score({"1": "no"}, rows, task, "en") == {"accuracy": 100.0, "f1": 100.0}


def test_of_two_labels_the_last_one_has_an_f1():
    task_type = get_task_type("pair-classification").modeling()
    gold = ["no", "no", "yes", "yes", "yes"]
    found = ["no", "yes", "yes", "yes", "no"]
    ids = [str(i) for i in range(5)]
    rows = Dataset.from_dict({"id": ids, "text_a": ids, "text_b": ids, "label": gold})
    predictions = dict(zip(ids, found, strict=True))
    scores = task_type.score(predictions, rows, spec(task_type.type.name, "no", "yes"), "en")
    # Two of three found are right, two of three that are there were found.
    assert scores == {"accuracy": 60.0, "f1": pytest.approx(200 / 3)}
    assert "f1" not in task_type.score(predictions, rows, spec(task_type.type.name, "no", "yes", "perhaps"), "en")


def test_unlabelled_rows_are_predicted_and_not_scored(world, encoder):
    task_type = get_task_type("pair-classification").modeling()
    rows = Dataset.from_dict({"id": ["1"], "text_a": ["a"], "text_b": ["b"], "label": [""]})
    task = spec(task_type.type.name, "yes", "no")
    assert task_type.encode(rows, encoder, task, 64)[0]["label"] == -1
    assert task_type.score({"1": "no"}, rows, task, "en") == {}


def test_tags_stand_on_first_subwords_and_long_sentences_are_split_not_cut(world, encoder, tokenizer):
    task_type = get_task_type("tagging").modeling()
    tokens = [*words(world, 30), "​"]  # the last one is invisible
    tags = ["O", "B-X"] * 15 + ["O"]
    rows = Dataset.from_dict({"id": ["1"], "tokens": [tokens], "tags": [tags]})
    task = spec(task_type.type.name, "O", "B-X")
    features = task_type.encode(rows, encoder, task, 16)
    assert len(features) > 1
    assert all(len(feature["input_ids"]) <= 16 for feature in features)
    assert sum(len(feature["words"]) for feature in features) == 31
    assert task_type.num_loss_terms(features) == 31
    for feature in features:
        pieces = [tokenizer.convert_ids_to_tokens(feature["input_ids"][at]) for at in feature["words"]]
        assert all(piece.startswith("▁") or piece == "<unk>" for piece in pieces)
    batch = task_type.collate(features, 1)
    logits = torch.nn.functional.one_hot(batch["labels"].clamp(min=0), 2).float()
    predictions = task_type.predict(
        ModelOutputs(task_type.postprocess(logits, batch), Dataset.from_list(features), rows), task, {}
    )
    assert predictions == {"1": tags}
    assert task_type.score(predictions, rows, task, "en")["f1"] == 100.0
    assert task_type.score(predictions, rows, task, "en")["accuracy"] == 100.0


def test_a_tag_that_was_not_seen_in_training_bears_no_loss_and_counts_as_wrong(world, encoder):
    task_type = get_task_type("tagging").modeling()
    tokens = words(world, 4)
    rows = Dataset.from_dict({"id": ["1"], "tokens": [tokens], "tags": [["N", "V", "N/new", "N"]]})
    task = spec(task_type.type.name, "N", "V")
    features = task_type.encode(rows, encoder, task, 64)
    assert features[0]["tags"] == [0, 1, -100, 0]
    assert task_type.num_loss_terms(features) == 3
    batch = task_type.collate(features, 1)
    output = torch.zeros(*batch["input_ids"].shape, 2)
    assert float(task_type.loss(output, batch)) == pytest.approx(3 * np.log(2))
    predictions = task_type.predict(ModelOutputs([[0, 1, 0, 0]], Dataset.from_list(features), rows), task, {})
    assert task_type.score(predictions, rows, task, "en")["accuracy"] == 75.0
    # A batch of such tags alone has a loss of nothing, not a division by nothing.
    alone = [{**features[0], "tags": [-100] * 4}]
    assert float(task_type.loss(output, task_type.collate(alone, 1))) / task_type.num_loss_terms(alone) == 0.0


def test_tags_of_another_scheme_are_refused(world, encoder):
    rows = Dataset.from_dict({"id": ["1"], "tokens": [["a", "b"]], "tags": [["NOUN", "VERB"]]})
    with pytest.raises(ValueError, match="none of 2 tags is a label of the model, which has N, V"):
        get_task_type("tagging").modeling().encode(rows, encoder, spec("tagging", "N", "V"), 64)


def test_an_answer_is_found_in_every_window_that_holds_it_and_decodes_back(world, encoder):
    task_type = get_task_type("span-qa").modeling()
    tokens = words(world, 60)
    context, answer = " ".join(tokens), " ".join(tokens[40:42])
    at = len(" ".join(tokens[:40])) + 1
    question = " ".join(words(world, 4))
    answers = {"text": [answer], "answer_start": [at]}
    rows = Dataset.from_dict({"id": ["1"], "question": [question], "context": [context], "answers": [answers]})
    task = spec(task_type.type.name)
    features = task_type.encode(rows, encoder, task, 48)
    assert len(features) > 1
    holding = [feature for feature in features if tuple(feature["span"]) != (0, 0)]
    assert holding
    for feature in holding:
        start, end = (token - feature["first"] for token in feature["span"])
        assert context[feature["starts"][start] : feature["ends"][end]].strip() == answer
    batch = task_type.collate(features, 1)
    logits = torch.full((*batch["input_ids"].shape, 2), -5.0)
    for row, feature in enumerate(features):
        if tuple(feature["span"]) != (0, 0):
            logits[row, feature["span"][0], 0] = logits[row, feature["span"][1], 1] = 5.0
    predictions = task_type.predict(
        ModelOutputs(task_type.postprocess(logits, batch), Dataset.from_list(features), rows), task, {}
    )
    assert predictions["1"].strip() == answer
    assert task_type.score(predictions, rows, task, "en") == {"f1": 100.0, "exact_match": 100.0}


def decoded(task_type, features, rows, task, points):
    """Predictions of a model that gives each window its start, end and the score of no answer."""
    batch = task_type.collate(features, 1)
    logits = torch.full((*batch["input_ids"].shape, 2), -5.0)
    for row, (start, end, null) in enumerate(points):
        logits[row, 0] = null / 2
        logits[row, start, 0] = logits[row, end, 1] = 5.0
    return task_type.predict(
        ModelOutputs(task_type.postprocess(logits, batch), Dataset.from_list(features), rows), task, {}
    )


def test_no_answer_is_the_first_token_and_its_least_score_over_the_windows_counts(world, encoder):
    task_type = get_task_type("span-or-none").modeling()
    tokens = words(world, 60)
    context, answer = " ".join(tokens), " ".join(tokens[40:42])
    at = len(" ".join(tokens[:40])) + 1
    rows = Dataset.from_dict(
        {
            "id": ["has", "none"],
            "question": ["veki", "veki"],
            "context": [context, " ".join(tokens[:5])],
            "answers": [{"text": [answer], "answer_start": [at]}, {"text": [], "answer_start": []}],
        }
    )
    task = spec(task_type.type.name)
    features = task_type.encode(rows, encoder, task, 48)
    windows = [feature for feature in features if feature["example"] == 0]
    assert len(windows) > 1
    assert features[-1]["example"] == 1
    assert tuple(features[-1]["span"]) == (0, 0)
    # In some windows of the first example the span; in each another score of no answer, the least of which is 2.
    points = []
    for number, feature in enumerate(windows):
        span = feature["span"] if tuple(feature["span"]) != (0, 0) else (feature["first"], feature["first"] + 1)
        points.append((*span, 2.0 + number))
    points.append((features[-1]["first"], features[-1]["first"], 30.0))
    holding = [i for i, feature in enumerate(windows) if tuple(feature["span"]) != (0, 0)]
    for i in range(len(windows)):
        if i not in holding:
            windows[i]["starts"], windows[i]["ends"] = [], []  # nothing to point at but the first token
            points[i] = (1, 1, points[i][2])
    predictions = decoded(task_type, [*windows, features[-1]], rows, task, points)
    assert predictions["has"]["text"].strip() == answer
    assert predictions["has"]["no_answer"] == pytest.approx(2.0 - 10.0)
    assert predictions["none"]["no_answer"] == pytest.approx(30.0 - 10.0)
    scores = task_type.score(predictions, rows, task, "en")
    assert (scores["f1"], scores["exact_match"]) == (100.0, 100.0)
    assert (scores["has_answer_f1"], scores["no_answer_accuracy"]) == (100.0, 100.0)
    assert predictions["has"]["no_answer"] <= scores["f1_threshold"] < predictions["none"]["no_answer"]


def test_questions_without_any_answer_among_them_are_unlabelled():
    rows = Dataset.from_dict({"id": ["1"], "answers": [{"text": [], "answer_start": []}]})
    task_type = get_task_type("span-or-none").modeling()
    assert task_type.score({"1": {"text": "x", "no_answer": 0.0}}, rows, spec(task_type.type.name), "en") == {}


def test_mlqa_is_scored_by_the_normalisation_of_its_language():
    task_type = get_task_type("span-qa").modeling()
    answers = [{"text": ["die Stadt"], "answer_start": [0]}]
    rows = Dataset.from_dict({"id": ["1"], "answers": answers})
    task = spec(task_type.type.name)
    mlqa = task.model_copy(update={"scorer": "mlqa"})
    assert task_type.score({"1": "Stadt"}, rows, task, "de")["exact_match"] == 0.0
    assert task_type.score({"1": "«Stadt»"}, rows, mlqa, "de") == {"f1": 100.0, "exact_match": 100.0}
    assert task_type.score({"1": "Stadt"}, rows, mlqa, "en")["exact_match"] == 0.0
    # Chinese is compared character by character; SQuAD's own way knows white space alone.
    rows = Dataset.from_dict({"id": ["1"], "answers": [{"text": ["北京市"], "answer_start": [0]}]})
    assert task_type.score({"1": "北京"}, rows, mlqa, "zh") == {"f1": pytest.approx(80.0), "exact_match": 0.0}
    assert task_type.score({"1": "北京"}, rows, task, "zh")["f1"] == 0.0
    with pytest.raises(ValueError, match='no normalisation for "fr"'):
        task_type.score({"1": "x"}, rows, mlqa, "fr")


def test_the_best_span_is_ordered_and_bounded():
    rng = np.random.default_rng(0)
    for _ in range(50):
        logits = rng.normal(size=(60, 2))
        score, start, end = _best_span(logits)
        assert start <= end < start + 30
        assert score == logits[start, 0] + logits[end, 1]
    assert _best_span(np.array([[0.0, 9.0], [9.0, 0.0]]))[1:] in ((0, 0), (1, 1))


def test_masking_is_fifteen_in_a_hundred_eighty_ten_ten_and_fixed_by_the_generator(world, encoder, tokenizer):
    task_type = get_task_type("masked-lm").modeling()
    texts = [" ".join(words(world, 40)) for _ in range(200)]
    rows = Dataset.from_dict({"id": [str(i) for i in range(200)], "text": texts, "translation": [""] * 200})
    features = task_type.encode(rows, encoder, spec(task_type.type.name), 128)
    one = task_type.add_noise(features, tokenizer, np.random.default_rng(1))
    two = task_type.add_noise(features, tokenizer, np.random.default_rng(1))
    assert one == two
    chosen = masked = kept = total = 0
    for before, after in zip(features, one, strict=True):
        total += len(before["input_ids"]) - 2
        for old, new, label in zip(before["input_ids"], after["input_ids"], after["labels"], strict=True):
            if label == -100:
                assert old == new
                continue
            assert label == old
            chosen += 1
            masked += new == tokenizer.mask_token_id
            kept += new == old
    assert chosen / total == pytest.approx(0.15, abs=0.02)
    assert masked / chosen == pytest.approx(0.8, abs=0.05)
    assert kept / chosen == pytest.approx(0.1, abs=0.04)
    assert task_type.num_loss_terms(one) == chosen


def test_two_translations_stand_in_one_row(world, encoder, tokenizer):
    task_type = get_task_type("masked-lm").modeling()
    a, b = " ".join(words(world, 3)), " ".join(words(world, 6)[3:])
    rows = Dataset.from_dict({"id": ["1"], "text": [a], "translation": [b]})
    (feature,) = task_type.encode(rows, encoder, spec(task_type.type.name), 64)
    first, second = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (a, b))
    assert feature["input_ids"] == [0, *first, 2, 2, *second, 2]


def test_a_sentence_retrieves_itself(world, fresh):
    from trainables.data.prepare import load_split
    from trainables.evaluation.evaluate import evaluate

    origin = fresh.scratch()
    recipe = fresh.evaluation("gen-pairs", origin, "two")
    data = fresh.store.path(recipe.data) / "test-two" / "features"
    features = load_split(fresh.store, recipe.data, "test-two")[0].to_list()
    half = len(features) // 2
    same = [{**f, "input_ids": features[i % half]["input_ids"]} for i, f in enumerate(features)]
    shutil.rmtree(data)
    Dataset.from_list(same).save_to_disk(data)
    made = fresh.store.begin(recipe.id)
    scores = evaluate(recipe, fresh.store, Execution(), made)["metrics"]
    assert scores["two"]["accuracy"] == 100.0


def test_either_side_may_ask():
    task_type = get_task_type("retrieval").modeling()
    rows = Dataset.from_dict({"id": ["a", "b"], "query": ["x", "y"], "candidate": ["u", "v"]})
    # x is nearest to u and y as well, but v is nearest to y.
    x, y, u, v = ([1.0, 0.0], [0.8, 0.6], [0.9, 0.1], [0.0, 1.0])
    outputs = ModelOutputs(
        [np.array(one) for one in (x, y, u, v)], Dataset.from_list([{"example": i} for i in range(4)]), rows
    )
    for direction, found in (("from-english", {"a": 0, "b": 0}), ("to-english", {"a": 0, "b": 1})):
        task = spec(task_type.type.name).model_copy(update={"vectors": PoolingConfig(direction=direction)})
        assert task_type.predict(outputs, task, {}) == found
    assert task_type.predict(outputs, spec(task_type.type.name), {}) == {"a": 0, "b": 0}


def test_a_tokenizer_is_the_same_from_the_same_text(world, tmp_path):
    from trainables.data.prepare import prepare_tokenizer
    from trainables.steps import read_recipe

    recipe = read_recipe(world.store.record(world.scratch().tokenizer)["recipe"])
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        prepare_tokenizer(recipe, Execution(), tmp_path / name)
        files.append((tmp_path / name / "model" / "tokenizer.json").read_bytes())
    assert files[0] == files[1]
