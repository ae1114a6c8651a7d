"""What becomes of a question: its windows, its gold span, and what that decodes to."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
from datasets import Dataset
from transformers import AutoTokenizer

from trainables.metrics.squad import normalize_answer
from trainables.models.backbones import get_backbone_type
from trainables.models.inputs import InputEncoder
from trainables.recipe.tasks import TaskSpec
from trainables.task_types import get_task_type

TASK = TaskSpec(name="t", version=1, type="span-qa", source="files")


def rows_of(*questions):
    """(question, context, answer, where it starts) as rows."""
    return Dataset.from_list(
        [
            {"id": str(i), "question": q, "context": c, "answers": {"text": [a], "answer_start": [at]}}
            for i, (q, c, a, at) in enumerate(questions)
        ]
    )


def encoded(rows, encoder, max_length=64):
    return get_task_type("span-qa").modeling().encode(rows, encoder, TASK, max_length)


def decoded(rows, features):
    """Of each row the text of its gold span in the last window that has one; "" where none has."""
    found = {}
    for feature in features:
        if tuple(feature["span"]) != (0, 0):
            i, j = (place - feature["first"] for place in feature["span"])
            found[feature["example"]] = rows[feature["example"]]["context"][feature["starts"][i] : feature["ends"][j]]
    return [found.get(i, "") for i in range(len(rows))]


@pytest.mark.parametrize(
    ("context", "answer", "gold"),
    [
        ("veki 是 soro", "是", "是"),
        ("是 soro", "是", "是"),
        ("veki soro tali", " soro", "soro"),
        ("veki soro tali", "soro ", "soro"),
        ("veki\n soro  tali", "\n soro  ", "soro"),
        ("veki sore\u0301 tali", "sore\u0301", "sore\u0301"),
        ("veki soro tali", "veki soro tali", "veki soro tali"),
        ("veki  soro", " ", ""),
        ("veki soro", "", ""),
    ],
)
def test_white_space_at_the_edges_of_an_answer_is_left_aside(encoder, context, answer, gold):
    rows = rows_of(("veki", context, answer, context.index(answer)))
    assert decoded(rows, encoded(rows, encoder)) == [gold]


@pytest.mark.parametrize("max_length", [13, 14, 20, 31, 64])
def test_windows_and_their_subwords_are_those_of_the_tokenizer_itself(encoder, max_length):
    context, question, third = "veki soro tali " * 30, "so", max_length // 3
    assert len(encoder.subwords([question])[0]) <= third
    features = encoded(rows_of((question, context, "soro", 5)), encoder, max_length)
    theirs = encoder.tokenizer(
        question, context, truncation="only_second", max_length=max_length, stride=third, return_overflowing_tokens=True
    )
    assert [feature["input_ids"] for feature in features] == theirs["input_ids"]
    for w, feature in enumerate(features):
        where = [i for i, side in enumerate(theirs.sequence_ids(w)) if side == 1]
        assert (feature["first"], len(feature["starts"])) == (where[0], len(where))
    assert len(features) > 1


def test_a_question_has_a_third_of_an_input_at_most(encoder):
    question = "soro tali veki " * 20
    (feature, *_) = encoded(rows_of((question, "veki soro", "soro", 5)), encoder, 30)
    start = encoder.pair.start
    assert feature["input_ids"][start : start + 10] == encoder.subwords([question])[0][:10]
    assert feature["first"] == start + 10 + len(encoder.pair.middle["input_ids"])


@pytest.mark.parametrize("max_length", range(8, 13))
def test_inputs_too_short_for_question_and_context_are_refused_in_a_line(encoder, max_length):
    with pytest.raises(ValueError, match=f"t: max_length {max_length} has no room for a context; give 13 or more"):
        encoded(rows_of(("veki", "veki soro", "soro", 5)), encoder, max_length)


real = pytest.mark.skipif(
    not {"XSTILTS_DATA", "XSTILTS_ENCODER"} <= os.environ.keys(),
    reason="XSTILTS_DATA and XSTILTS_ENCODER name no folders of real data and of a real encoder",
)


@real
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_real_answers_decode_back_but_for_those_within_a_subword(form):
    tokenizer = AutoTokenizer.from_pretrained(os.environ["XSTILTS_ENCODER"])
    encoder = InputEncoder(tokenizer, get_backbone_type("xlm-roberta").layout)
    files = sorted((Path(os.environ["XSTILTS_DATA"]) / "xquad").glob("*.json"))
    assert files
    for file in files:
        rows = rows_of(*_real_questions(file, form)[:300])
        found = decoded(rows, encoded(rows, encoder, 384))
        gold = [answers["text"][0] for answers in rows["answers"]]
        pairs = [(normalize_answer(ours), normalize_answer(theirs)) for ours, theirs in zip(found, gold, strict=True)]
        assert all(theirs in ours for ours, theirs in pairs), file
        assert sum(ours == theirs for ours, theirs in pairs) >= 0.98 * len(pairs), file


def _real_questions(file, form):
    def normal(text):
        return unicodedata.normalize(form, text)

    return [
        (normal(qa["question"]), normal(paragraph["context"]), normal(answer["text"]), len(normal(before)))
        for article in json.loads(file.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
        for answer in qa["answers"][:1]
        for before in (paragraph["context"][: answer["answer_start"]],)
    ]
