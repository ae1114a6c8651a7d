"""Labels that are none and ids that stand twice: what comes of them, for every type of task and every source."""

import json
from types import SimpleNamespace

import datasets
import pytest

from sweeps.plan.planner import make_plan
from sweeps.plan.remarks import remarks_of
from sweeps.spec.reading import read_spec
from tests.conftest import OWN_TASKS
from trainables.task_types import all_task_types, get_task_type
from trainables.task_types.modeling import ModelOutputs
from trainables.tasks import DataError, GeneratedSource, get_task
from trainables.tasks.sources.settled import FEW, settle


def pair(i, label, **other):
    return {"id": str(i), "text_a": f"Dog {i} runs .", "text_b": "An animal moves .", "label": label, **other}


def choice(i, label):
    return {"id": str(i), "prompt": f"Lamp {i} ?", "choices": ["on", "off"], "label": label}


def tagged(i, *tags):
    return {"id": str(i), "tokens": [f"w{i}", "sings"], "tags": list(tags)}


def asked(i, *answers):
    starts = [0] * len(answers)
    return {"id": str(i), "question": "?", "context": f"Ada {i}", "answers": {"text": answers, "answer_start": starts}}


NLI = ("entailment", "neutral", "contradiction")
PLACEHOLDER, CONSTANT, NONE = "in every row is a placeholder", "suspicious: all", "no labels: predicted, not scored"


@pytest.mark.parametrize(
    ("task", "split", "rows", "labelled", "remark"),
    [
        ("xcopa", "test", [choice(i, "0") for i in range(12)], False, PLACEHOLDER),
        ("xcopa", "test", [choice(i, "1") for i in range(12)], True, CONSTANT),
        ("xcopa", "test", [choice(i, str(i % 2)) for i in range(12)], True, None),
        ("xcopa", "test", [choice(i, "-1") for i in range(12)], False, NONE),
        ("copa", "dev", [choice(i, "0") for i in range(12)], True, CONSTANT),
        ("xnli", "test", [pair(i, "neutral") for i in range(12)], False, PLACEHOLDER),
        ("xnli", "test", [pair(i, "") for i in range(12)], False, NONE),
        ("pawsx", "test", [pair(i, "0") for i in range(12)], True, CONSTANT),
        ("pawsx", "test", [pair(i, "0") for i in range(FEW - 1)], True, None),
        ("panx", "test", [tagged(i, "O", "O") for i in range(12)], True, CONSTANT),
        ("panx", "test", [tagged(i, "B-PER", "O") for i in range(12)], True, None),
        ("udpos", "test", [tagged(i, "-1", "-1") for i in range(12)], False, NONE),
        ("xquad", "test", [asked(i) for i in range(12)], False, NONE),
        ("xquad", "test", [asked(i, "Ada") for i in range(12)], True, None),
        ("tatoeba", "test", [{"id": str(i), "query": "a", "candidate": "b"} for i in range(12)], True, None),
    ],
)
def test_labels_that_are_one_constant_are_none_or_are_said(task, split, rows, labelled, remark):
    settled = settle(get_task(task), split, rows, "the file")
    assert {get_task(task).is_labelled(row) for row in settled.rows} == {labelled}
    assert [remark in said for said in settled.remarks] == ([True] if remark else [])


def test_what_stands_for_no_label_may_be_a_label():
    task = SimpleNamespace(name="mine", type="text-classification", placeholders=())
    task.labels = task.row_labels = ("-1", "0", "1")
    rows = [{"id": str(i), "text": "x", "label": i - 1} for i in range(3)]
    assert [row["label"] for row in settle(task, "test", rows, "here").rows] == ["-1", "0", "1"]


@pytest.mark.parametrize("split", ["train", "dev"])
def test_rows_to_learn_from_or_to_select_by_have_labels(split):
    with pytest.raises(DataError, match=r"^the file: none of 2 rows has a label, and they .*; add the labels$"):
        settle(get_task("xcopa"), split, [choice(i, "-1") for i in range(2)], "the file")


@pytest.mark.parametrize(
    ("task", "rows", "line"),
    [
        (
            "xnli",
            [pair(0, "neutral"), pair(1, "")],
            "the file, row 2: label is missing, and 1 of 2 rows have one; a score",
        ),
        ("xnli", [pair(0, "-1"), pair(1, "neutral")], "the file, row 1: label is missing"),
        ("udpos", [tagged(0, "NOUN", "VERB"), tagged(1)], "the file, row 2: tags is missing"),
        ("xquad", [asked(0), asked(1, "Ada")], "the file, row 1: answers is missing"),
        ("xnli", [pair(0, "neutral"), pair(1, "maybe")], 'row 2: the label is "maybe"; expected one of: entailment'),
        ("udpos", [tagged(0, "NOUN", "_")], 'row 1: the label is "_"; expected one of: ADJ'),
        ("udpos", [tagged(0, "NOUN")], 'row 1: tags is ["NOUN"], 1 for 2 tokens; write one for each'),
        ("xcopa", [choice(0, "2")], 'row 1: label is "2", and there are 2 choices; write the number of the right one'),
        ("xnli", [pair(0, "neutral", text_b=None)], "row 1: text_b is null, and a text belongs there"),
    ],
)
def test_rows_that_no_number_may_come_of_are_refused_in_one_line(task, rows, line):
    with pytest.raises(DataError) as caught:
        settle(get_task(task), "test", rows, "the file")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


# --- ids -------------------------------------------------------------------------------------------------------------


def example(task_type, i):
    """A row of a type that other rows do not make wrong."""
    texts = {"text": f"a{i} b{i}", "texts": [f"a{i}", f"b{i}"], "answers": {"text": ["a"], "answer_start": [0]}}
    texts |= {"image": {"bytes": b"a PNG", "path": None}}
    row = {name: texts[column.kind] for name, column in task_type.columns.items()}
    labels = {"label": str(i % 2), "tags": ["1", "0"], "side": "english", "match": "", "matches": [], "id": str(i)}
    return row | {name: value for name, value in labels.items() if name in row}


@pytest.mark.parametrize("task_type", all_task_types(), ids=lambda one: one.name)
def test_rows_with_the_id_of_another_go_by_position_or_are_refused(task_type):
    task = SimpleNamespace(name="mine", type=task_type.name, placeholders=())
    task.labels = task.row_labels = ("0", "1")
    rows = [{**example(task_type, i), "id": str(i % 20)} for i in range(40)]
    for split in ("test", "dev", "pool"):
        if split in task_type.refers_to:
            with pytest.raises(DataError, match=r'^here: 2 rows have the id "0", and others refer to it; make ids uni'):
                settle(task, split, rows, "here")
            continue
        settled = settle(task, split, rows, "here")
        assert [row["id"] for row in settled.rows] == [str(i) for i in range(40)]
        assert "20 of 40 rows repeat the id of another: all go by their position" in settled.remarks
    assert {one.name for one in all_task_types() if one.refers_to} == {"bitext-mining", "dense-retrieval"}


def test_a_score_is_over_all_rows_whatever_their_ids(write, source):
    rows = [pair(i % 20, NLI[i % 3]) for i in range(40)]
    write("rows/xnli/test-fr.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    examples, task = source.rows(get_task("xnli"), "test", "fr"), get_task("xnli").spec()
    modeling = get_task_type("pair-classification").modeling()
    found = [i % 3 if i < 30 else (i + 1) % 3 for i in range(40)]  # the last ten are wrong
    outputs = ModelOutputs(found, datasets.Dataset.from_dict({"example": range(40)}), examples)
    predictions = modeling.predict(outputs, task, {})
    assert len(predictions) == 40
    assert modeling.score(predictions, examples, task, "fr") == {"accuracy": 75.0}


def test_a_translation_that_is_not_there_is_refused():
    rows = [{"id": "f1", "side": "foreign", "text": "a", "match": "e2"}]
    rows.append({"id": "e1", "side": "english", "text": "b", "match": ""})
    with pytest.raises(DataError, match=r'^here: "e2" is referred to and no row has this id'):
        settle(get_task("bucc2018"), "test", rows, "here")


def test_the_rows_of_generated_tasks_have_nothing_to_be_said_of_them():
    generated = GeneratedSource(size=0.05)
    for task in OWN_TASKS:
        if task.source == "generated" and task.languages:
            split = "train" if get_task_type(task.type).reads_text else "test"
            assert not generated.settled(task, split, task.languages[0]).remarks


# --- where it is said ------------------------------------------------------------------------------------------------


def xcopa(write, language, labels):
    record = {"premise": "x", "choice1": "on", "choice2": "off", "question": "cause"}
    text = (json.dumps({**record, "idx": i, "label": label}) for i, label in enumerate(labels))
    write(f"xcopa/test-{language}.jsonl", "\n".join(text))


def test_the_plan_says_what_small_test_files_and_rows_of_ones_own_show(write, tmp_path):
    for language, labels in (("th", [0] * 20), ("sw", [0] * 20), ("et", [0, 1] * 10), ("it", [0] * 9000)):
        xcopa(write, language, labels)
    rows = [choice(i % 15, str(i % 2)) for i in range(30)]
    write("rows/copa/train-en.jsonl", "\n".join(map(json.dumps, rows)))
    write("rows/copa/dev-en.jsonl", "\n".join(map(json.dumps, rows[:15])))
    fields = {
        "sweep": "s",
        "data": str(tmp_path),
        "models": ["mini"],
        "intermediates": ["none"],
        "targets": [{"task": "xcopa", "train_on": "copa"}],
        "languages": ["et", "it", "sw", "th"],
        "seeds": [1],
    }
    for name in ("xkopa/test-th.jsonl", "xcopa/test-th_TH.jsonl", "xcopa/test-th.md", "copa/val-en.parquet"):
        write(f"rows/{name}", "")
    file = write("sweep.yaml", json.dumps(fields))
    spec = read_spec(file)
    remarks = remarks_of(make_plan(spec, str(file)), spec)
    assert [line.removeprefix(str(tmp_path)).split(";")[0] for line in remarks if "is not read" in line] == [
        '/rows/copa/val-en.parquet is not read: copa: there is no split "val"',
        '/rows/xcopa/test-th_TH.jsonl is not read: xcopa: there are no test rows in "th_TH"',
        '/rows/xkopa/test-th.jsonl is not read: there is no task "xkopa"',
    ]
    assert sorted(line for line in remarks if "is not read" not in line) == [
        "copa train, en: 15 of 30 rows repeat the id of another: all go by their position",
        'xcopa test, sw th: label "0" in every row is a placeholder: taken as no labels, so no score',
    ]
