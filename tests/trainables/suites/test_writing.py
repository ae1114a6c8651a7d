"""What is written is what the reader reads, and what the benchmark's own files look like."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.suites import (
    file_of,
    get_suite,
    score_folders,
    tatoeba_order,
    write_labels,
    write_manifest,
    write_predictions,
)
from trainables.suites.layout import read_sentences

ORIGIN = {"step": "evaluate-0123", "seed": 1}
XTREME, XTREME_R = get_suite("xtreme"), get_suite("xtreme-r")


def _task(name):
    return {**XTREME.tasks, **XTREME_R.tasks}[name]


@pytest.mark.parametrize(
    ("task", "language", "predictions", "name", "text"),
    [
        ("xnli", "ar", {"0": "neutral", "1": "entailment"}, "test-ar.tsv", "neutral\nentailment\n"),
        ("pawsx", "ko", {"a": "1", "b": "0"}, "test-ko.tsv", "1\n0\n"),
        ("tatoeba", "he", {"0": 7, "1": 0}, "test-he.tsv", "7\n0\n"),
        ("panx", "th", {"0": ["B-PER", "O"], "1": ["O"]}, "test-th.tsv", "B-PER\nO\n\nO\n"),
        ("bucc2018", "de", {"de-1": "en-5", "de-2": None, "de-3": "en-1"}, "test-de.tsv", "de-1\ten-5\nde-3\ten-1\n"),
        ("xcopa", "ht", {"0": 1, "1": 0}, "test-ht.jsonl", '{"label": 1}\n{"label": 0}\n'),
        ("mlqa", "hi", {"q": "भारत"}, "test-hi.json", '{\n "q": "\\u092d\\u093e\\u0930\\u0924"\n}\n'),
        ("mewslix", "ta", {"m": ["Q2", "Q1"]}, "test-ta.json", '{\n "m": ["Q2", "Q1"]\n}\n'),
    ],
)
def test_files_look_as_the_benchmark_has_them(tmp_path, task, language, predictions, name, text):
    written = write_predictions(tmp_path, _task(task), language, list(predictions), predictions, ORIGIN)
    path = tmp_path / task / name
    assert path.read_bytes() == text.encode()
    assert path == file_of(tmp_path, _task(task), language)
    assert written.file == f"{task}/{name}"
    assert written.rows == sum(value is not None for value in predictions.values())
    assert written.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_rows_are_in_the_order_of_the_examples_not_of_the_predictions(tmp_path):
    predictions = {"2": "neutral", "unused": "neutral", "1": "entailment"}
    write_predictions(tmp_path, _task("xnli"), "de", ["1", "2"], predictions, ORIGIN)
    assert (tmp_path / "xnli" / "test-de.tsv").read_text() == "entailment\nneutral\n"


def test_only_as_many_candidates_are_written_as_count(tmp_path):
    ranked = {"m": [f"Q{n}" for n in range(30)]}
    write_predictions(tmp_path / "p", _task("mewslix"), "ja", ["m"], ranked, ORIGIN)
    assert json.loads((tmp_path / "p" / "mewslix" / "test-ja.json").read_text())["m"] == ranked["m"][:20]
    write_labels(tmp_path / "l", _task("lareqa"), "th", ["m"], ranked, ORIGIN)
    assert json.loads((tmp_path / "l" / "lareqa" / "test-th.json").read_text()) == ranked


@pytest.mark.parametrize(
    ("task", "language", "predictions", "words"),
    [
        ("xnli", "ja", {"0": "neutral"}, 'xnli has no language "ja"; it has ar bg'),
        ("xnli", "ar", {"1": "neutral"}, "1 of 1 examples have no prediction, '0' first"),
        ("pawsx", "de", {"0": "paraphrase"}, "pawsx, de: example '0' is 'paraphrase'; expected one of 0, 1"),
        ("pawsx", "de", {"0": 1}, "example '0' is 1; expected one of 0, 1"),
        ("udpos", "de", {"0": ["noun"]}, "example '0' is 'noun'; expected one of ADJ, ADP"),
        ("panx", "de", {"0": []}, "a sentence is a list of tags, at least one"),
        ("panx", "de", {"0": "O"}, "a sentence is a list of tags"),
        ("tatoeba", "de", {"0": "3"}, "example '0' is '3'; expected an integer from 0"),
        ("tatoeba", "de", {"0": True}, "expected an integer from 0"),
        ("xcopa", "it", {"0": -1}, "expected an integer from 0"),
        ("bucc2018", "fr", {"0": "en-1\ten-2"}, "expected a text on one line"),
        ("xquad", "de", {"0": None}, "an answer is a text"),
        ("mewslix", "de", {"0": "Q1"}, "expected a list of candidate ids"),
    ],
)
def test_what_the_layout_cannot_hold_is_an_error(tmp_path, task, language, predictions, words):
    with pytest.raises(ValueError, match=words):
        write_predictions(tmp_path, _task(task), language, ["0"], predictions, ORIGIN)
    assert not list(tmp_path.rglob("test-*"))


def test_an_id_that_would_be_read_as_a_wrapping_is_an_error(tmp_path):
    with pytest.raises(ValueError, match='xquad, de: an example has the id "data"'):
        write_predictions(tmp_path, _task("xquad"), "de", ["data"], {"data": "x"}, ORIGIN)


def test_tatoebas_rows_are_sorted_by_their_english(tmp_path):
    english = [" Tom ran.", "Go on.", "Ça va?", "Go on. "]
    order = tatoeba_order(english)
    assert order == [1, 3, 0, 2]  # by code point; the two that are equal without white space stay in their order
    ids = [str(row) for row in order]
    task = _task("tatoeba")
    write_labels(tmp_path / "l", task, "fr", ids, {str(row): row for row in range(4)}, ORIGIN)
    assert (tmp_path / "l" / "tatoeba" / "test-fr.tsv").read_text() == "1\n3\n0\n2\n"
    write_predictions(tmp_path / "p", task, "fr", ids, {"0": 0, "1": 1, "2": 2, "3": 1}, ORIGIN)
    score = score_folders(tmp_path / "p", tmp_path / "l", XTREME)
    assert score.languages["tatoeba"]["fr"] == {"accuracy": 75.0}


def test_ids_that_are_not_unique_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="two examples have the same id"):
        write_predictions(tmp_path, _task("xquad"), "de", ["a", "a"], {"a": "x"}, ORIGIN)


# --- properties ------------------------------------------------------------------------------------------------

texts = st.text(max_size=8)
ids = st.lists(st.text(min_size=1, max_size=4).filter(lambda name: name != "data"), min_size=1, max_size=6, unique=True)
row_ids = st.lists(st.from_regex(r"[a-z]{2}-[0-9]{1,4}", fullmatch=True), min_size=1, max_size=6, unique=True)
VALUES = {
    "xnli": st.sampled_from(("entailment", "neutral", "contradiction")),
    "tatoeba": st.integers(0, 999),
    "panx": st.lists(st.sampled_from(("O", "B-PER", "I-PER", "B-LOC")), min_size=1, max_size=5),
    "bucc2018": st.from_regex(r"en-[0-9]{1,4}", fullmatch=True),
    "xcopa": st.integers(0, 1),
    "xquad": texts,
    "mlqa": texts,
    "mewslix": st.from_regex(r"Q[0-9]{1,4}", fullmatch=True),
}


@settings(max_examples=60)
@given(st.data(), st.sampled_from(sorted(VALUES)))
def test_what_is_right_written_as_prediction_scores_full_marks(tmp_path_factory, data, name):
    root = tmp_path_factory.mktemp("written")
    suite = XTREME if name in XTREME.tasks else XTREME_R
    task = suite.tasks[name]
    language = task.languages[0]
    names = data.draw(row_ids if task.layout == "pairs" else ids)
    right = {one: data.draw(VALUES[name]) for one in names}
    wrapped = {one: [value] for one, value in right.items()}
    predictions = wrapped if task.layout == "ranked" else right
    labels = wrapped if task.layout in ("ranked", "answers", "pairs") else right
    write_predictions(root / "p", task, language, names, predictions, ORIGIN)
    write_labels(root / "l", task, language, names, labels, ORIGIN)
    metrics = score_folders(root / "p", root / "l", suite).languages[name][language]
    if task.layout == "answers":
        assert metrics["exact_match"] == 100.0
    elif task.layout == "tags" and all(tag == "O" for tags in right.values() for tag in tags):
        assert metrics["f1"] == 0.0
    else:
        assert metrics[task.main_metrics[0]] == 100.0


@given(st.lists(VALUES["panx"], max_size=6))
def test_sentences_read_back_as_they_were_written(tmp_path_factory, sentences):
    root = tmp_path_factory.mktemp("written")
    tags = {str(number): sentence for number, sentence in enumerate(sentences)}
    write_predictions(root, _task("panx"), "my", list(tags), tags, ORIGIN)
    assert read_sentences(root / "panx" / "test-my.tsv") == sentences


# --- the manifest ----------------------------------------------------------------------------------------------


def test_the_manifest_says_what_there_is_and_where_it_came_from(tmp_path):
    written = [
        write_predictions(tmp_path, XTREME.tasks["xnli"], one, ["0"], {"0": "neutral"}, {**ORIGIN, "language": one})
        for one in ("de", "ar")
    ]
    path = write_manifest(tmp_path, XTREME, written)
    assert path == tmp_path / "manifest.json"
    found = json.loads(path.read_text())
    assert found["suite"] == "xtreme"
    assert list(found["tasks"]) == ["xnli"]
    assert list(found["tasks"]["xnli"]) == ["ar", "de"]  # in the suite's order
    assert found["tasks"]["xnli"]["de"] == {
        "file": "xnli/test-de.tsv",
        "rows": 1,
        "sha256": hashlib.sha256(b"neutral\n").hexdigest(),
        "origin": {"step": "evaluate-0123", "seed": 1, "language": "de"},
    }


def test_files_that_are_no_longer_what_was_written_are_noted(tmp_path):
    task = XTREME.tasks["xnli"]
    written = [
        write_predictions(tmp_path / "p", task, one, ["0"], {"0": "neutral"}, ORIGIN) for one in ("ar", "de", "en")
    ]
    for one in ("ar", "de"):
        write_labels(tmp_path / "l", task, one, ["0"], {"0": "neutral"}, ORIGIN)
    write_manifest(tmp_path / "p", XTREME, written)
    assert score_folders(tmp_path / "p", tmp_path / "l", XTREME).notes == []
    (tmp_path / "p" / "xnli" / "test-de.tsv").write_text("entailment\n")
    (tmp_path / "p" / "xnli" / "test-en.tsv").unlink()
    notes = score_folders(tmp_path / "p", tmp_path / "l", XTREME).notes
    assert [note.split(":")[0].rpartition("/")[2] for note in notes] == ["test-de.tsv", "test-en.tsv"]
    assert "not what" in notes[0]


@pytest.mark.parametrize("content", ["", "[]", '{"tasks": 1}', '{"tasks": {"xnli": {"de": {"file": 1}}}}'])
def test_a_manifest_of_another_form_says_nothing(tmp_path, content):
    task = XTREME.tasks["xnli"]
    for folder in ("p", "l"):
        write_labels(tmp_path / folder, task, "de", ["0"], {"0": "neutral"}, ORIGIN)
    (tmp_path / "p" / "manifest.json").write_text(content)
    assert score_folders(tmp_path / "p", tmp_path / "l", XTREME).notes == []
