"""Counts on real data in the XTREME layout; XSTILTS_DATA is the path of the unpacked folder."""

import os

import pytest

from trainables.tasks import FolderSource, get_task, is_labelled

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
    ],
)
def test_counts(source, name, split, language, count, labelled):
    task = get_task(name)
    rows = source.rows(task, split, language)
    assert len(rows) == len(set(rows["id"])) == count
    assert {is_labelled(task, row) for row in rows} == {labelled}


@pytest.mark.parametrize(
    ("name", "total"), [("tydiqa", 3696), ("squadshifts", 7938), ("xnli-dev", 2490), ("snli-cad", 28748)]
)
def test_held_out_parts(source, name, total):
    task = get_task(name)
    train, dev = (source.rows(task, split, "en") for split in ("train", "dev"))
    group = "context" if task.family == "span-qa" else "text_a"
    assert not set(train[group]) & set(dev[group])
    assert len(train) + len(dev) == total
    assert 0.05 * total < len(dev) < 0.25 * total
    assert len({*train["id"], *dev["id"]}) == total


@pytest.mark.parametrize("language", ["zh", "hi", "ar"])
def test_answers_stand_where_they_are_said_to(source, language):
    for row in source.rows(get_task("xquad"), "test", language):
        for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
            assert row["context"][start : start + len(text)] == text


def test_training_and_evaluation_of_xnli_share_no_premise(source):
    train = set(source.rows(get_task("xnli-dev"), "train", "en")["text_a"])
    assert not train & set(source.rows(get_task("xnli"), "test", "en")["text_a"])
