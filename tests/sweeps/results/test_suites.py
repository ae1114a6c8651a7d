"""A sweep with adversarial sets, from data in their layouts to tables, notes and drops."""

from __future__ import annotations

import json

import pytest

from sweeps.report.contrasts import Judge
from sweeps.results.notes import notes_of
from sweeps.results.results import Results, in_averages
from sweeps.results.tables import drop_table, part_table
from sweeps.spec.reading import WrongSpec, read_spec
from sweeps.state.sweep import Sweep
from trainables.evaluation.predictions import read_predictions
from trainables.steps import EvaluateResult
from trainables.tasks.sources.folder.adversarial import ADD_SENT, HANS

LABELS = ("entailment", "neutral", "contradiction")
COLUMNS = ("gold_label", "sentence1", "sentence2", "pairID", "heuristic", "subcase", "template")
HEURISTICS = ("lexical_overlap", "subsequence", "constituent")


def pairs(count, start=0):
    words = ("rain", "snow", "wind")
    return [
        {"id": str(i), "text_a": f"There is {words[i % 3]} {start + i}.", "text_b": "It falls.", "label": LABELS[i % 3]}
        for i in range(count)
    ]


def asked(ids):
    """Questions whose answer stands first; passages of adversarial rows end with another one."""
    paragraphs = [
        {
            "context": f"Rome {number} is old." + (" Oslo is new." if "-" in name else ""),
            "qas": [{"id": name, "question": "Which is old?", "answers": [{"text": "Rome", "answer_start": 0}]}],
        }
        for number, name in enumerate(ids)
    ]
    return json.dumps({"version": "1.1", "data": [{"title": "T", "paragraphs": paragraphs}]})


def write_data(root):
    texts = {
        f"rows/{task}/{split}-en.jsonl": "".join(json.dumps(row) + "\n" for row in pairs(count, start))
        for task, split, count, start in (
            ("mnli", "train", 48, 0), ("mnli", "dev", 12, 50), ("xnli", "test", 12, 70),
        )
    }  # fmt: skip
    hans = [
        (("entailment", "non-entailment")[i % 2], f"Rain {i}.", "It falls.", f"ex{i}", HEURISTICS[i % 3], "s", "t")
        for i in range(18)
    ]
    texts[f"hans/{HANS}"] = "".join("\t".join(row) + "\n" for row in (COLUMNS, *hans))
    ids = [name for i in range(9, -1, -1) for name in (f"q{i}", *(f"q{i}-turk{j}" for j in range(i % 3)))]
    texts[f"squad_adversarial/{ADD_SENT}"] = asked(ids)
    texts["squad/train-v1.1.json"], texts["squad/dev-v1.1.json"] = asked(map(str, range(40))), asked("ab")
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture(scope="module")
def fields(tiny, tmp_path_factory):
    root = tmp_path_factory.mktemp("suites-data")
    write_data(root)
    models = {name: {**one, "pretrain": []} for name, one in tiny["models"].items()}
    targets = ["xnli", "hans", "squad-clean", "addsent"]
    return {**tiny, "models": models, "data": str(root), "languages": ["en"], "targets": targets}


@pytest.fixture(scope="module")
def results(here, fields, tmp_path_factory):
    return Results(Sweep(*here(fields, tmp_path_factory.mktemp("suites"))))


def test_a_suite_takes_the_trained_model_of_its_clean_target(results):
    trained = {cell.target: cell.variants[0].training for cell in results.plan.cells}
    assert trained["xnli"] == trained["hans"] != trained["addsent"] == trained["squad-clean"]
    assert sum(step.kind.group == "train" for step in results.plan.steps.values()) == 2
    assert in_averages(trained) == ["xnli", "squad-clean"]


def test_neutral_and_contradiction_count_as_one_and_heuristics_are_parts(results):
    (cell,) = (cell for cell in results.cells if cell.target == "hans")
    metrics = EvaluateResult.of(results.store, cell.evaluation).metrics["en"]
    found = read_predictions(results.store, cell.evaluation, "en")
    assert set(found.values()) <= set(LABELS)
    right = {i: (i % 2 == 0) == (found[f"ex{i}"] == "entailment") for i in range(18)}
    assert metrics["accuracy"] == pytest.approx(100 * sum(right.values()) / 18)
    for place, name in enumerate(HEURISTICS):
        inside = [i for i in range(18) if i % 3 == place]
        assert metrics[f"accuracy/{name}"] == pytest.approx(100 * sum(right[i] for i in inside) / 6)
        entailed = [i for i in inside if i % 2 == 0]
        assert metrics[f"accuracy/{name}, entailment"] == pytest.approx(100 * sum(right[i] for i in entailed) / 3)
    assert "f1" not in metrics
    assert [column.header for column in part_table(results, "small", "zero-shot").columns][2:5] == [
        "constituent", "constituent, entailment", "constituent, non-entailment",
    ]  # fmt: skip


def test_drops_are_paired_by_question_where_ids_pair_and_notes_say_what_each_is(results):
    judge = Judge(results)
    for target in ("xnli", "hans", "squad-clean", "addsent"):
        judge.read("small", target)
    assert (judge.remarks, judge.unpaired) == ([], {"hans"})
    assert judge.rows["small", "addsent", "en"] > judge.rows["small", "squad-clean", "en"] == 10
    table = drop_table(results, "small")
    assert [column.header for column in table.columns] == ["intermediate", "hans", "addsent"]
    clean, ours = (results.score("small", "none", name, 1, ["en"], "xtreme") for name in ("squad-clean", "addsent"))
    assert list(table.columns[2].cells) == [f"{clean - ours:+.1f}"]
    notes = notes_of(results)
    assert (
        "hans: adversarial set, by the trained models of xnli; in no average; neutral counts as non-entailment, "
        "contradiction counts as non-entailment"
    ) in notes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"targets": ["hans"]},
            'targets[0]: "hans" is an adversarial set of "xnli", which is no target here; add',
        ),
        ({"intermediates": ["none", "hans"]}, 'intermediates[1]: "hans" is an adversarial or perturbed set of "xnli"'),
        (
            {"targets": [{"task": "xnli", "train_on": "anli-r1"}]},
            'targets[0].train_on: "anli-r1" is an adversarial or perturbed set of "xnli", and is never trained on',
        ),
        (
            {"targets": ["xnli", {"task": "hans", "train_on": "snli"}]},
            'targets[1]: "hans" is trained on "snli", and "xnli" on "mnli"; give both the same train_on',
        ),
        ({"training": {"hans": {"steps": 3}}}, "training.hans: no intermediate or target of this sweep"),
        (
            {"targets": ["xnli", "hans", "hans@x"], "perturbations": {"x": {"kind": "swaps"}}},
            'targets[2]: there is no task "hans@x": hans is an adversarial set of xnli already',
        ),
    ],
)
def test_what_a_suite_cannot_be_is_said_in_a_line(sweep_file, fields, changes, said):
    with pytest.raises(WrongSpec) as error:
        read_spec(sweep_file(**{**fields, **changes}))
    lines = str(error.value).splitlines()
    assert any(said in line for line in lines), lines
    assert all(len(line) <= 300 for line in lines)
