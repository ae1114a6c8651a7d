"""Evaluation sentences leave the text, however they are written; everything else stays."""

from __future__ import annotations

import datasets

from trainables.data.decontaminate import Seen
from trainables.task_types import get_task_type


def text(*rows: tuple[str, str]) -> datasets.Dataset:
    return datasets.Dataset.from_dict(
        {
            "id": [str(i) for i in range(len(rows))],
            "text": [row[0] for row in rows],
            "translation": [row[1] for row in rows],
        }
    )


def test_rows_that_hold_an_evaluation_sentence_are_left_out_and_counted():
    seen = Seen()
    evaluation = {
        "id": ["1"],
        "question": ["Who was it?"],
        "context": ["It rained all day. The river rose。水位上升了。"],
        "answers": [{"text": ["the river"], "answer_start": [19]}],
    }
    seen.add(datasets.Dataset.from_dict(evaluation), get_task_type("span-qa").texts)
    rows = text(
        ("it RAINED, all day", ""),  # case and punctuation differ
        ("Before. The river rose! After.", ""),  # one sentence among others
        ("Something else", "水位上升了"),  # on the other side of a pair
        ("It rained all night.", ""),  # another sentence
        ("the river", ""),  # an answer is no sentence of the evaluation data
        ("...", "!"),  # no letters: nothing to compare
    )
    assert seen.without(rows)["text"] == ["It rained all night.", "the river", "..."]
    assert seen.found == 3


def test_without_evaluation_data_everything_stays():
    rows = text(("a", "b"))
    assert Seen().without(rows) is rows
