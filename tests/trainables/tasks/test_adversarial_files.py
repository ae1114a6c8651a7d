"""Adversarial sets and GLUE in the layouts of their releases; all sentences are invented."""

from __future__ import annotations

import json
import pickle
import sys
from dataclasses import replace
from types import ModuleType

import dill
import pytest

from tests.trainables.tasks.rows import NO_PARTS
from trainables.tasks import DataError, all_tasks, get_task
from trainables.tasks.registry import register_task
from trainables.tasks.sources.folder.adversarial import ADD_ONE_SENT, ADD_SENT

PAIR = {"text_a": "It rains.", "text_b": "It is wet."}
ADV = {
    "mnli": [{"idx": 4, "premise": "It rains.", "hypothesis": "It is wet.", "label": 2}],
    "mnli-mm": [{"idx": 5, "premise": "It rains.", "hypothesis": "It is wet.", "label": 1}],
    "qqp": [{"idx": 0, "question1": "It rains.", "question2": "It is wet.", "label": 1}],
    "qnli": [{"idx": 0, "question": "It rains.", "sentence": "It is wet.", "label": 0}],
    "rte": [{"idx": 0, "sentence1": "It rains.", "sentence2": "It is wet.", "label": 1}],
    "sst2": [{"idx": 0, "sentence": "It rains.", "label": 0}],
}
HANS_HEAD = (
    "gold_label sentence1_binary_parse sentence2_binary_parse sentence1_parse sentence2_parse sentence1 sentence2 "
    "pairID heuristic subcase template"
)
HANS_ROW = ("non-entailment", "p", "p", "p", "p", "It rains.", "It is wet.", "ex0", "subsequence", "s", "temp1")
HANS = "\t".join(HANS_HEAD.split()) + "\n" + "\t".join(HANS_ROW) + "\n"
ANLI = {"uid": "u1", "context": "It rains.", "hypothesis": "It is wet.", "label": "c", "reason": ""}


def asked(*ids):
    questions = [{"id": one, "question": "Where?", "answers": [{"text": "Rome", "answer_start": 0}]} for one in ids]
    paragraphs = [{"context": f"Rome is old. {one['id']}", "qas": [one]} for one in questions]
    return json.dumps({"version": "1.1", "data": [{"title": "T", "paragraphs": paragraphs}]})


@pytest.mark.parametrize(
    ("task", "file", "text", "row"),
    [
        ("adv-mnli", "advglue/dev.json", json.dumps(ADV), {"id": "4", **PAIR, "label": "contradiction"}),
        ("adv-mnli-mm", "advglue/dev/dev.json", json.dumps(ADV), {"id": "5", **PAIR, "label": "neutral"}),
        ("adv-qqp", "advglue/dev.json", json.dumps(ADV), {"id": "0", **PAIR, "label": "1"}),
        ("adv-qnli", "advglue/dev.json", json.dumps(ADV), {"id": "0", **PAIR, "label": "entailment"}),
        ("adv-rte", "advglue/dev.json", json.dumps(ADV), {"id": "0", **PAIR, "label": "not_entailment"}),
        ("adv-sst2", "advglue/dev.json", json.dumps(ADV), {"id": "0", "text": "It rains.", "label": "negative"}),
        ("anli-r2", "anli_v1.0/R2/test.jsonl", json.dumps(ANLI), {"id": "u1", **PAIR, "label": "contradiction"}),
        (
            "hans", "hans/heuristics_evaluation_set.txt", HANS,
            {"id": "ex0", **PAIR, "label": "non-entailment", "parts": ["subsequence", "subsequence, non-entailment"]},
        ),
        ("qqp-pawsx", "pawsx/labelled_test/test-en.tsv", "It rains.\tIt is wet.\t1\n",
         {"id": "0", **PAIR, "label": "1"}),
        ("qnli", "QNLI/dev.tsv", "index\tquestion\tsentence\tlabel\n7\tIt rains.\tIt is wet.\tnot_entailment\n",
         {"id": "0", **PAIR, "label": "not_entailment"}),
        ("rte", "glue/RTE/dev.tsv", "index\tsentence1\tsentence2\tlabel\n7\tIt rains.\tIt is wet.\tentailment\n",
         {"id": "0", **PAIR, "label": "entailment"}),
        ("sst2", "sst2/dev.tsv", "sentence\tlabel\nIt rains. \t1\n",
         {"id": "0", "text": "It rains.", "label": "positive"}),
        ("qqp", "QQP/dev.tsv", "id\tqid1\tqid2\tquestion1\tquestion2\tdup\n1\t2\t3\tIt rains.\tIt is wet.\t0\n",
         {"id": "0", **PAIR, "label": "0"}),
    ],
)  # fmt: skip
def test_rows_are_those_of_the_release(write, source, task, file, text, row):
    write(file, text)
    expected = row if "text" in row else {**NO_PARTS, **row}
    assert source.rows(get_task(task), "test", "en").to_list() == [expected]
    assert source.stands_in(get_task(task), "en") == (get_task(task).has_train)


def test_adversarial_squad_holds_its_clean_questions(write, source):
    write(f"squad_adversarial/{ADD_SENT}", asked("q1", "q1-turk0", "q1-turk1", "q2"))
    write(f"squad_adversarial/{ADD_ONE_SENT}", asked("q2", "q1", "q1-turk1"))
    ids = {
        name: source.rows(get_task(name), "test", "en")["id"][:] for name in ("squad-clean", "addsent", "addonesent")
    }
    assert ids == {
        "squad-clean": ["q1", "q2"],
        "addsent": ["q1", "q1-turk0", "q1-turk1", "q2"],
        "addonesent": ["q2", "q1", "q1-turk1"],
    }


@pytest.mark.parametrize(
    ("task", "file", "text", "said"),
    [
        ("adv-qqp", "advglue/dev.json", json.dumps({"sst2": []}), r'dev.json: no list "qqp"; it has "sst2"; fetch'),
        ("adv-qqp", "advglue/dev.json", "[1]", r'no list "qqp"; it has no object'),
        ("adv-qqp", "advglue/dev.json", json.dumps({"qqp": [{"idx": 0}]}), r"not in the form of this data set"),
        ("adv-qqp", "advglue/dev.json", json.dumps({"qqp": [{**ADV["qqp"][0], "label": 2}]}),
         r'qqp\[0\]: the label is "2"'),
        ("hans", "hans/heuristics_evaluation_set.txt", HANS.replace("non-entailment", "neutral"),
         'the label is "neutral"; expected one of: entailment, non-entailment'),
        ("hans", "hans/heuristics_evaluation_set.txt", HANS.replace("heuristic", "trick"), "heuristic"),
        ("sst2", "SST-2/dev.tsv", "sentence\tlabel\nIt rains.\t2\n", 'line 2: the label is "2"; expected one of: neg'),
        ("addsent", "squad_adversarial/other.json", "{}", f"there is no .*{ADD_SENT}; put the file there"),
    ],
)  # fmt: skip
def test_files_in_another_form_are_said_in_a_line(write, source, task, file, text, said):
    write(file, text)
    with pytest.raises(DataError, match=said) as error:
        source.rows(get_task(task), "test", "en")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) <= 300


@pytest.fixture
def checklist(monkeypatch):
    """Classes named as CheckList's, which are gone when a file is read."""
    made = ModuleType("checklist")
    made.TestSuite = type("TestSuite", (), {"__module__": "checklist"})
    made.MFT = type("MFT", (), {"__module__": "checklist"})
    with monkeypatch.context() as there:
        there.setitem(sys.modules, "checklist", made)
        yield made


def suite_of(checklist, name):
    suite, test = checklist.TestSuite(), checklist.MFT()
    test.data = [[("Al has a cat and a bus.", "Which animal?"), ("Al has a cat.", "Which animal?")]]
    test.labels, test.expect = [["cat", "cat"]], lambda *_: test.labels
    suite.tests = {name: test}
    return suite


def test_multichecklist_is_read_without_a_call_of_what_its_pickles_name(write, source, tmp_path, checklist, capfd):
    file = tmp_path / "multichecklist" / "lang_suites" / "sw_squad_suite.pkl"
    file.parent.mkdir(parents=True)
    file.write_bytes(dill.dumps(suite_of(checklist, "Animal vs Vehicle"), recurse=True))
    del sys.modules["checklist"]
    rows = source.rows(get_task("multichecklist"), "test", "sw").to_list()
    answers = {"text": ["cat"], "answer_start": [9]}
    first = {"id": "animal-0-0", "question": "Which animal?", "context": "Al has a cat and a bus."}
    assert rows[0] == {**first, "answers": answers, "parts": ["animal"]}
    assert [row["id"] for row in rows] == ["animal-0-0", "animal-0-1"]

    class Hostile:
        def __reduce__(self):
            return print, ("called",)

    sys.modules["checklist"] = checklist
    for content, said in (
        (pickle.dumps(Hostile()), "no suite of CheckList"),
        (b"\x80\x04", "not a pickle of CheckList"),
        (dill.dumps(suite_of(checklist, "Animal vs Plant"), recurse=True), 'a test "Animal vs Plant", which'),
    ):
        file.write_bytes(content)
        with pytest.raises(DataError, match=said) as error:
            source.rows(get_task("multichecklist"), "test", "sw")
        assert "\n" not in str(error.value)
    assert capfd.readouterr().out == ""


def test_every_suite_is_set_against_a_clean_target_that_can_be_scored_beside_it():
    suites = {task.name: get_task(task.clean_of) for task in all_tasks() if task.clean_of}
    assert len(suites) == 14
    for name, clean in suites.items():
        task = get_task(name)
        assert not task.has_train
        assert task.trained_as == clean.name
        assert task.trains_on == clean.trains_on
        assert set(task.languages) & set(clean.languages)


def test_what_is_set_against_a_suite_is_refused():
    for changes, said in (
        (
            {"clean_of": "hans", "counts_as": {}},
            'clean_of: "hans" is itself an adversarial set of "xnli"; name that one',
        ),
        ({"clean_of": "mnli"}, 'clean_of: "mnli" has no test rows'),
        ({"has_train": True}, "has_train: what has clean_of is never trained on"),
        ({"counts_as": {"maybe": "no"}}, "counts_as: maybe not in labels"),
    ):
        with pytest.raises(ValueError, match=said):
            register_task(replace(get_task("hans"), name="mine", **changes))
