"""Counts on real data in the XTREME layout; XSTILTS_DATA is the path of the unpacked folder."""

import json
import os
from pathlib import Path

import pytest

from trainables.tasks import FolderSource, get_task
from trainables.tasks.sources.folder.sentences import sentence_breaks

pytestmark = pytest.mark.skipif("XSTILTS_DATA" not in os.environ, reason="XSTILTS_DATA names no folder of real data")


@pytest.fixture(scope="module")
def source():
    return FolderSource(os.environ["XSTILTS_DATA"])


@pytest.mark.parametrize(
    ("name", "split", "language", "count", "labelled"),
    [
        ("xnli", "test", "en", 5010, True),
        ("xnli", "test", "th", 5010, True),
        ("udpos", "train", "en", 21253, True),
        ("udpos", "dev", "en", 3974, True),
        ("udpos", "test", "de", 2000, True),
        ("udpos", "test", "ta", 80, True),
        ("panx", "train", "en", 20000, True),
        ("panx", "test", "sw", 1000, True),
        ("xquad", "test", "hi", 1190, True),
        ("tydiqa", "test", "ko", 276, False),
        ("tatoeba", "test", "de", 1000, True),
        ("tatoeba", "test", "jv", 205, True),
        ("pawsx", "test", "zh", 2000, True),
        ("pawsx", "test", "ko", 2000, True),
        ("xquad", "test", "ro", 1190, True),
        ("bucc2018", "dev", "zh", 8624 + 13589, True),
        ("xcopa", "test", "qu", 500, True),
        ("copa", "train", "en", 400, True),
        ("copa", "dev", "en", 100, True),
        ("snli", "dev", "en", 9842, True),
        ("hellaswag", "dev", "en", 10042, True),
        ("cosmosqa", "dev", "en", 2985, True),
        ("commonsenseqa", "train", "en", 7610, True),
        ("siqa", "dev", "en", 1954, True),
        ("adv-mnli", "test", "en", 121, True),
        ("adv-mnli-mm", "test", "en", 162, True),
        ("adv-qqp", "test", "en", 78, True),
        ("adv-qnli", "test", "en", 148, True),
        ("adv-rte", "test", "en", 81, True),
        ("adv-sst2", "test", "en", 148, True),
        ("lareqa", "test", "th", 1190, True),
        ("lareqa", "pool", "mul", 13014, True),
    ],
)
def test_counts(source, name, split, language, count, labelled):
    task = get_task(name)
    rows = source.rows(task, split, language)
    assert len(rows) == len(set(rows["id"])) == count
    assert {task.is_labelled(row) for row in rows} == {labelled}


@pytest.mark.parametrize(
    ("name", "total"),
    [("tydiqa", 3696), ("squadshifts", 7938), ("xnli-dev", 2490), ("pawsx-dev", 2000), ("snli-cad", 28748)],
)
def test_held_out_parts(source, name, total):
    task = get_task(name)
    train, dev = (source.rows(task, split, "en") for split in ("train", "dev"))
    group = "context" if task.type == "span-qa" else "text_a"
    assert not set(train[group]) & set(dev[group])
    assert len(train) + len(dev) == total
    assert 0.05 * total < len(dev) < 0.25 * total
    assert all(len(set(rows["id"])) == len(rows) for rows in (train, dev))


@pytest.mark.parametrize("language", ["zh", "hi", "ar"])
def test_answers_stand_where_they_are_said_to(source, language):
    for row in source.rows(get_task("xquad"), "test", language):
        for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
            assert row["context"][start : start + len(text)] == text


def test_choices_hold_the_right_one(source):
    counts = {"commonsenseqa": 3, "hellaswag": 4, "cosmosqa": 4, "siqa": 3, "copa": 2}
    for name, count in counts.items():
        for row in source.rows(get_task(name), "dev", "en"):
            assert len(row["choices"]) == count
            assert int(row["label"]) < count


def test_gold_pairs_of_bucc(source):
    rows = source.rows(get_task("bucc2018"), "dev", "zh")
    english = {row["id"] for row in rows if row["side"] == "english"}
    matches = [row["match"] for row in rows if row["match"]]
    assert len(matches) == 257
    assert set(matches) <= english


def test_every_question_of_lareqa_is_answered_in_every_language(source):
    pool = set(source.rows(get_task("lareqa"), "pool", "mul")["id"])
    for row in source.rows(get_task("lareqa"), "test", "en"):
        assert set(row["matches"]) <= pool
        assert len({key.split("_")[0] for key in row["matches"]}) == 11


def test_sentence_breaks_are_nearly_those_of_lareqa(source):
    right = wrong = 0
    file = Path(os.environ["XSTILTS_DATA"]) / "lareqa" / "en.json"
    for article in json.loads(file.read_text())["data"]:
        for paragraph in article["paragraphs"]:
            gold, found = set(map(tuple, paragraph["sentence_breaks"])), set(sentence_breaks(paragraph["context"]))
            right, wrong = right + len(gold & found), wrong + len(gold ^ found)
    assert 2 * right / (2 * right + wrong) > 0.99


def test_training_and_evaluation_of_xnli_share_no_premise(source):
    train = set(source.rows(get_task("xnli-dev"), "train", "en")["text_a"])
    assert not train & set(source.rows(get_task("xnli"), "test", "en")["text_a"])
