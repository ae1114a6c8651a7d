"""Rows of one's own: what means the same is taken alike, and what is wrong is one line with its place and the mend."""

import json
from dataclasses import replace

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trainables.tasks.rows import NO_PARTS
from trainables.task_types import all_task_types, get_task_type
from trainables.tasks import DataError, FolderSource, get_task
from trainables.tasks.sources.checked_row import checked_row

PAIR = {"id": "a", "text_a": "x", "text_b": "y", "label": "neutral"}
CHOICE = {"id": "a", "prompt": "x", "choices": ["on", "off", "red"], "label": "2"}
TAGGED = {"id": "a", "tokens": ["Ada", "sings"], "tags": ["PROPN", "VERB"]}
ASKED = {"id": "a", "question": "?", "context": "Ada sings.", "answers": {"text": ["sings"], "answer_start": [4]}}
FOREIGN = {"id": "a", "side": "foreign", "text": "x", "match": ""}
QUERY = {"id": "a", "query": "x", "candidate": "", "matches": ["p"]}
ROWS = {
    "text-classification": ("gen-topic", {"id": "a", "text": "x", "label": get_task("gen-topic").labels[1]}),
    "pair-classification": ("xnli", PAIR),
    "multiple-choice": ("xcopa", CHOICE),
    "choice-likelihood": ("xcopa", {**CHOICE, "subject": "s", "parts": ["p"], "query": "q", "endings": ["x", "y"]}),
    "tagging": ("udpos", TAGGED),
    "span-qa": ("xquad", ASKED),
    "span-or-none": ("squad2", ASKED),
    "retrieval": ("tatoeba", {"id": "a", "query": "x", "candidate": "y"}),
    "dense-retrieval": ("lareqa", QUERY),
    "bitext-mining": ("bucc2018", FOREIGN),
    "causal-lm": ("ntrex", {"id": "a", "text": "x", "translation": ""}),
    "masked-lm": ("ntrex", {"id": "a", "text": "x", "translation": ""}),
    "translation-ranking": ("ntrex", {"id": "a", "text": "x", "translation": "y"}),
    "word-ranking": ("ntrex", {"id": "a", "text": "x", "translation": "y"}),
    "image-text": ("xm3600", {"id": "a", "image": "data:image/png;base64,aGVsbG8=", "text": "x"}),
}
"""Of each type a task, and a row that is right."""


def checked(task, split="test", **fields):
    _, row = next(pair for pair in ROWS.values() if pair[0] == task)
    record = {name: value for name, value in {**row, **fields}.items() if value != "absent"}
    return checked_row(record, get_task(task), split, "rows.jsonl, line 7")


# --- what means the same ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "fields", "found"),
    [
        ("xnli", {"label": 0}, {"label": "entailment"}),
        ("xnli", {"label": "0"}, {"label": "entailment"}),
        ("xnli", {"label": 1}, {"label": "neutral"}),
        ("xnli", {"label": "1"}, {"label": "neutral"}),
        ("xnli", {"label": -1}, {"label": ""}),
        ("xnli", {"label": None}, {"label": ""}),
        ("xnli", {"label": "absent"}, {"label": ""}),
        ("xnli", {"id": 17}, {"id": "17"}),
        ("xcopa", {"label": 2}, {"label": "2"}),
        ("xcopa", {"label": "-1"}, {"label": ""}),
        ("udpos", {"tags": [0, "15"]}, {"tags": ["ADJ", "VERB"]}),
        ("udpos", {"tags": []}, {"tags": []}),
        ("udpos", {"tags": None}, {"tags": []}),
        ("udpos", {"tags": [-1, -1]}, {"tags": []}),
        ("xquad", {"answers": [{"text": "sings", "answer_start": 4}]}, {"answers": ASKED["answers"]}),
        ("xquad", {"answers": [{"text": "", "answer_start": 0}]}, {"answers": {"text": [], "answer_start": []}}),
        ("xquad", {"answers": "absent"}, {"answers": {"text": [], "answer_start": []}}),
        ("squad2", {"answers": []}, {"answers": {"text": [], "answer_start": []}}),
        ("lareqa", {"matches": [3, "p"], "candidate": "absent"}, {"matches": ["3", "p"], "candidate": ""}),
        ("bucc2018", {"match": None}, {"match": None}),
        ("bucc2018", {"match": 12}, {"match": "12"}),
        ("ntrex", {"translation": "absent"}, {"translation": ""}),
    ],
)
def test_what_means_the_same_is_made_the_same(task, fields, found):
    row = checked(task, **fields)
    assert tuple(row) == tuple(get_task_type(get_task(task).type).columns)
    assert {name: row[name] for name in found} == found


def test_labels_that_are_numbers_are_no_positions():
    paws = get_task("paws")
    assert paws.labels == ("0", "1")
    assert checked_row({**PAIR, "label": 1}, paws, "test", "x")["label"] == "1"
    from_one = replace(paws, name="mine", labels=("1", "2"))
    with pytest.raises(DataError, match="label is 0, which is no label of the task; write one of: 1, 2"):
        checked_row({**PAIR, "label": 0}, from_one, "test", "x")


def test_a_row_without_an_id_goes_by_its_position_where_none_refers_to_it():
    assert "id" not in checked("xnli", id="absent")
    with pytest.raises(DataError, match="line 7: id is null, and an id belongs there; write a text or a number"):
        checked("bucc2018", id="absent")


# --- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "fields", "line"),
    [
        ("xnli", {"text_b": None}, "text_b is null, and a text belongs there; write a text in quotes"),
        ("xnli", {"text_a": 7}, "text_a is 7, and a text belongs there"),
        ("xnli", {"text_a": ["x"]}, 'text_a is ["x"], and a text belongs there'),
        (
            "xnli",
            {"text_b": "absent"},
            "text_b is not there; rows of pair-classification have: id, text_a, text_b, label",
        ),
        ("xnli", {"text_a": "\ud83d"}, "which holds half of a surrogate pair; write the whole character"),
        (
            "xnli",
            {"label": ["neutral"]},
            'label is ["neutral"], and a label belongs there; write one of: entailment, n',
        ),
        ("xnli", {"label": True}, "label is true, and a label belongs there; write one of: entailment, neutral"),
        ("xnli", {"label": 1.0}, "label is 1.0, and a label belongs there"),
        ("xnli", {"label": 3}, "label is 3, which is no label of the task; write one of: entailment, neutral, contra"),
        ("xnli", {"label": -2}, "label is -2, which is no label of the task"),
        ("xnli", {"label": "maybe"}, 'label is "maybe", which is no label of the task; write one of: entailment'),
        ("xnli", {"id": None}, "id is null, and an id belongs there; write a text or a number"),
        ("xnli", {"id": ["a"]}, 'id is ["a"], and an id belongs there'),
        ("xcopa", {"choices": "on"}, 'choices is "on", and a list belongs there; write a list of texts'),
        ("xcopa", {"choices": []}, "choices is []; write its texts, or leave the row out"),
        ("xcopa", {"choices": ["on", None]}, "choices[1] is null, and a text belongs there"),
        ("xcopa", {"label": 3}, 'label is "3", and there are 3 choices; write the number of the right one, from 0'),
        ("xcopa", {"label": "red"}, 'label is "red", and there are 3 choices; write the number of the right one'),
        ("udpos", {"tags": ["NOUN"]}, 'tags is ["NOUN"], 1 for 2 tokens; write one for each'),
        ("udpos", {"tags": "NOUN VERB"}, 'tags is "NOUN VERB", and a list belongs there'),
        ("udpos", {"tags": ["NOUN", ""]}, 'tags[1] is "", and others have a label; write its own'),
        ("udpos", {"tags": ["NOUN", "NOMEN"]}, 'tags[1] is "NOMEN", which is no label of the task; write one of: ADJ'),
        ("udpos", {"tokens": "Ada sings"}, 'tokens is "Ada sings", and a list belongs there'),
        ("xquad", {"answers": "Ada"}, 'answers is "Ada", and answers belong there; write {"text": [...], "answer_'),
        ("xquad", {"answers": {"text": "Ada", "answer_start": 0}}, "not as many starts as texts; write {"),
        ("xquad", {"answers": {"text": ["Ada"]}}, "not as many starts as texts; write {"),
        ("xquad", {"answers": {"text": [3], "answer_start": [0]}}, "answers[0].text is 3, and a text belongs there"),
        (
            "xquad",
            {"answers": [{"text": "Ada", "answer_start": "0"}]},
            'answers[0].answer_start is "0"; write at which',
        ),
        ("squad2", {"answers": "absent"}, "answers is not there; write [] where a question has no answer"),
        ("bucc2018", {"side": "english "}, 'side is "english "; write one of: foreign, english'),
        ("lareqa", {"matches": [None]}, "matches[0] is null, and an id belongs there"),
    ],
)
def test_what_is_wrong_is_a_line_with_place_field_finding_and_mend(task, fields, line):
    with pytest.raises(DataError) as caught:
        checked(task, **fields)
    assert str(caught.value).startswith("rows.jsonl, line 7: ")
    assert line in str(caught.value)


@pytest.mark.parametrize("candidate", ["", "absent"])
def test_a_pair_to_train_on_has_both_sides(candidate):
    assert checked("lareqa", "test", candidate=candidate)["candidate"] == ""
    with pytest.raises(DataError, match="line 7: candidate is empty; rows to train on have both sides of a pair"):
        checked("lareqa", "train", candidate=candidate)


def test_where_an_answer_stands_is_checked_where_it_is_trained_on():
    elsewhere = {"text": ["sings"], "answer_start": [5]}
    assert checked("xquad", "test", answers=elsewhere)["answers"] == elsewhere
    with pytest.raises(DataError, match="does not stand there in the context; count characters, not bytes, from 0"):
        checked("xquad", "train", answers=elsewhere)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b'{"id": "1", "id": "2"}', 'test-de.jsonl, line 1: the key "id" stands twice in an object; leave one out'),
        (b'\n["x"]', 'test-de.jsonl, line 2: ["x"] is no row; write an object with id, text_a, text_b, label'),
        (b'{"id": "1"', "test-de.jsonl, line 1: not JSON (Expecting ',' delimiter at character 11)"),
        (b"[" * 100_000, "test-de.jsonl, line 1: not JSON that can be read"),
        (b'{"label": ' + b"9" * 5000 + b"}", "test-de.jsonl, line 1: not JSON that can be read"),
        ('{"id": "1"}'.encode("utf-16"), "test-de.jsonl: is UTF-16, which is not read; save it as UTF-8"),
        (b'{}\n{"id": "\xe9"}', "line 1: text_a is not there"),
        (json.dumps(PAIR).encode() + b'\n{"id": "\xe9"}', "test-de.jsonl: line 2: is not UTF-8 (byte 0xe9)"),
        (b"", "no rows for test in rows/xnli/test-de.jsonl"),
    ],
)
def test_files_that_are_none_are_named_with_the_line(write, source, tmp_path, text, line):
    write("rows/xnli/test-de.jsonl", "")
    (tmp_path / "rows/xnli/test-de.jsonl").write_bytes(text)
    said = source.check(get_task("xnli"), "test", "de")
    assert line in said
    assert "\n" not in said


def test_a_byte_order_mark_is_passed_over(write, source):
    write("rows/xnli/test-de.jsonl", "\ufeff" + json.dumps(PAIR))
    assert source.rows(get_task("xnli"), "test", "de").to_list() == [{**NO_PARTS, **PAIR}]


def test_parquet_is_read_as_lines_are(source, tmp_path):
    file = tmp_path / "rows/xnli/test-de.parquet"
    file.parent.mkdir(parents=True)
    rows = [{**PAIR, "id": i, "label": i} for i in range(3)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    assert source.rows(get_task("xnli"), "test", "de")["label"] == ["entailment", "neutral", "contradiction"]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([*rows, {**rows[0], "text_b": None}]), file)
    assert "test-de.parquet, row 4: text_b is null" in source.check(get_task("xnli"), "test", "de")
    file.write_bytes(b"PAR1 and no more")
    assert "test-de.parquet: not a parquet file that can be read" in source.check(get_task("xnli"), "test", "de")


def test_rows_in_another_form_or_twice_are_not_passed_over(write, source):
    write("xnli/test-de.tsv", "Es regnet.\tDie Sonne scheint.\n")
    write("rows/xnli/test-de.csv", "id,text_a\n")
    said = source.check(get_task("xnli"), "test", "de")
    assert said.endswith(
        "rows/xnli: test-de.csv; leave one file of rows for each split and language, .jsonl or .parquet"
    )
    write("rows/xnli/test-de.jsonl", json.dumps(PAIR))
    assert "test-de.jsonl and test-de.csv; leave one" in source.check(get_task("xnli"), "test", "de")
    write("rows/xnli/test-fr.parquet/part-0.parquet", "")
    assert "test-fr.parquet; leave one file" in source.check(get_task("xnli"), "test", "fr")


def test_of_a_large_file_the_first_rows_are_looked_at_before_it_is_read(write, source, monkeypatch):
    monkeypatch.setattr("trainables.tasks.sources.folder.source.OWN", 1000)
    monkeypatch.setattr("trainables.tasks.sources.folder.source.FIRST", 20)
    good, wrong = json.dumps(PAIR) + "\n", json.dumps({**PAIR, "text_a": None}) + "\n"
    write("rows/xnli/test-de.jsonl", good * 19 + wrong)
    assert "line 20: text_a is null" in source.check(get_task("xnli"), "test", "de")
    write("rows/xnli/test-de.jsonl", good * 20 + wrong)
    assert source.check(get_task("xnli"), "test", "de") is None
    with pytest.raises(DataError, match="line 21: text_a is null"):
        source.rows(get_task("xnli"), "test", "de")


# --- whatever a file holds -------------------------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 40), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from(["neutral", "NOUN", "0", "1", "-1", "foreign", "a", "p", "\ud800", "\x1b[2J"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["text", "answer_start", "x"]), inner, max_size=3),
    ),
    max_leaves=8,
)


@st.composite
def record(draw, row):
    """A row with any values in some of its fields, or without them."""
    fields = draw(st.lists(st.sampled_from(sorted(row)), max_size=3, unique=True))
    changed = {name: draw(VALUES) for name in fields}
    gone = draw(st.sets(st.sampled_from(sorted(row)), max_size=1))
    return {name: value for name, value in {**row, **changed}.items() if name not in gone}


def test_every_type_has_its_row():
    assert set(ROWS) == {one.name for one in all_task_types() if not one.name.startswith("toy")}


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_row_is_taken_as_its_type_has_it_or_refused_in_one_line(tmp_path_factory, name, data):
    task, row = ROWS[name]
    task = replace(get_task(task), type=name, source="files", languages=("de",))
    split = "train" if get_task_type(name).reads_text else "test"
    records = data.draw(st.lists(record(row), min_size=1, max_size=3))
    folder = tmp_path_factory.mktemp("data")
    file = folder / "rows" / task.name / f"{split}-de.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    source = FolderSource(folder)
    said = source.check(task, split, "de")
    if said is not None:
        assert file.name in said
        assert said.isprintable()
        return
    rows = source.rows(task, split, "de")
    task_type = get_task_type(name)
    assert rows.features == task_type.features()
    assert len(set(rows["id"])) == len(rows) == len(records)
    assert len({task_type.is_labelled(one) for one in rows}) == 1
    if task_type.fixed_labels:
        assert {label for one in rows for label in task_type.labels_of(one)} <= set(task.labels)
