"""A sweep over tasks that are files: found, checked, planned, carried out, and of no other sweep."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from sweeps.data.data import check_all
from sweeps.data.pull import Puller
from sweeps.plan.planner import make_plan
from sweeps.report.write import write_report
from sweeps.results.results import Results
from sweeps.results.tables import table_of
from sweeps.spec.reading import WrongSpec, read_spec
from sweeps.state.sweep import Sweep
from sweeps.tracking.payloads import begun
from trainables.generated import TOPICS, GeneratedBenchmark
from trainables.steps.run import carry_out
from trainables.store import Store
from trainables.tasks import UnknownTask, get_task
from trainables.tasks.lock import read_lock

TOPIC = {
    "name": "topic",
    "type": "text-classification",
    "languages": ["one", "two"],
    "train_languages": "one",
    "labels": list(TOPICS),
    "rows": {"train": "rows/train.jsonl", "dev": "rows/dev.jsonl", "test": "rows/{language}.jsonl"},
    "settings": {"max_length": 64, "learning_rate": 1e-3},
}


@pytest.fixture
def folder(tmp_path):
    """A folder with the file of a task and its rows, which are those of a generated task under other names."""
    made = fill(tmp_path / "mine")
    return made


def fill(folder, **fields):
    (folder / "rows").mkdir(parents=True, exist_ok=True)
    for split, language, name in (
        ("train", "one", "train"),
        ("dev", "one", "dev"),
        ("test", "one", "one"),
        ("test", "two", "two"),
    ):
        rows = GeneratedBenchmark(seed=1, size=0.05).rows("gen-topic", split, language)
        text = "".join(json.dumps({"text": row["text"], "label": row["label"]}) + "\n" for row in rows)
        (folder / "rows" / f"{name}.jsonl").write_text(text)
    (folder / "topic.yaml").write_text(yaml.safe_dump({**TOPIC, **fields}))
    return folder


def planned(file):
    return make_plan(read_spec(file), str(file))


def steps_of(plan):
    return {step.id for step in plan.steps.values()}


@pytest.mark.parametrize("named", [["mine/topic.yaml"], ["mine"], "mine", ["./mine/"]])
def test_files_and_folders_begin_at_the_sweep_file(folder, sweep_file, named, monkeypatch, tmp_path_factory):
    file = sweep_file(tasks=named, targets=["topic"], languages=None)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    spec = read_spec(file)
    assert list(spec.tasks) == [str(folder / "topic.yaml")]
    assert spec.data == {"topic": str(folder)}
    plan = make_plan(spec, str(file))
    assert {rows.language for step in plan.steps.values() for rows in getattr(step.recipe, "rows", ())} >= {
        "one",
        "two",
    }


def test_without_a_name_the_folder_tasks_beside_the_sweep_file_is_read(sweep_file, tmp_path):
    fill(tmp_path / "tasks")
    assert planned(sweep_file(targets=["topic"])).steps
    with pytest.raises(WrongSpec, match=r"targets\[0\]: there is no task \"topic\""):
        planned(sweep_file(targets=["topic"], tasks=[]))


def test_a_task_of_one_sweep_is_unknown_to_the_next(folder, sweep_file):
    mine = sweep_file("mine.yaml", tasks=["mine"], targets=["topic"])
    spec = read_spec(mine)
    with pytest.raises(WrongSpec, match='there is no task "topic"'):
        read_spec(sweep_file("other.yaml", targets=["topic"]))
    read_spec(sweep_file("third.yaml"))
    with pytest.raises(UnknownTask):
        get_task("topic")
    # Planning the first one again finds its own tasks.
    assert steps_of(make_plan(spec, str(mine))) == steps_of(planned(mine))


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (["nowhere.yaml"], r"sweep.yaml: tasks\[0\]: /.*/nowhere.yaml: there is no such task file or folder"),
        (["~nobody-here/x"], r'tasks\[0\]: "~nobody-here/x": there is no such home'),
        (["x" * 5000], r"tasks\[0\]: .*(File name too long|there is no such)"),
        ([5], r"sweep.yaml: tasks: is \[5\]; give a list of task files, or of folders of them"),
        ({"a": "b"}, r"sweep.yaml: tasks: is \{"),
        (["mine/rows"], "there is no task file in this folder"),
        (["mine", "twin"], r'twin/topic.yaml: name: /.*/mine/topic.yaml describes a task "topic" too; rename one'),
        (["xnli"], r'xnli/topic.yaml: name: there is a task "xnli" already; give this one another name'),
        (["sib200"], r'sib200/topic.yaml: name: there is a task "sib200" already'),
        (["weather"], r'weather/topic.yaml: trains_on: there is no task "sib20"; did you mean "sib200"'),
        (["labels"], r"labels/topic.yaml: trains_on or parts: \"gen-topic\" has labels"),
    ],
)
def test_each_mistake_is_a_line(folder, sweep_file, tmp_path, named, says):
    fill(tmp_path / "twin")
    fill(tmp_path / "xnli", name="xnli")
    fill(tmp_path / "sib200", name="sib200")
    fill(tmp_path / "weather", trains_on="sib20")
    fill(tmp_path / "labels", trains_on="gen-topic", labels=["a", "b"])
    with pytest.raises(WrongSpec, match=says) as caught:
        read_spec(sweep_file(tasks=named))
    assert all("\n" not in line and len(line) <= 300 for line in caught.value.lines)


def test_rows_are_checked_while_the_sweep_is_planned(folder, sweep_file):
    place = folder / "rows" / "two.jsonl"
    place.write_text(place.read_text() + '{"text": null, "label": "food"}\n')
    with pytest.raises(WrongSpec, match=r"data: .*two\.jsonl, line \d+: text is null, and a text belongs there"):
        planned(sweep_file(tasks=["mine"], targets=["topic"]))


def test_the_sweep_may_say_of_a_task_where_its_rows_lie(folder, sweep_file, tmp_path):
    elsewhere = fill(tmp_path / "elsewhere")
    before = planned(sweep_file(tasks=["mine"], targets=["topic"]))
    (folder / "rows" / "two.jsonl").unlink()
    file = sweep_file(tasks=["mine"], targets=["topic"], data={"topic": str(elsewhere)})
    assert read_spec(file).data == {"topic": str(elsewhere)}
    assert steps_of(planned(file)) == steps_of(before)  # the same bytes, read in the same way
    assert read_spec(sweep_file(targets=["sib200"])).data == {"sib200": "hub"}


def test_what_changes_numbers_changes_steps_and_nothing_else_does(folder, sweep_file):
    file = sweep_file(tasks=["mine"], targets=["topic"])
    before = steps_of(planned(file))
    text = (folder / "topic.yaml").read_text()
    (folder / "topic.yaml").write_text(f"# a comment\n{text}licence: CC0\n")
    assert steps_of(planned(file)) == before
    fill(folder, labels=list(reversed(TOPICS)))
    assert not {one for one in steps_of(planned(file)) if "topic" in one} & before
    fill(folder, metric="macro_f1")
    changed = steps_of(planned(file))
    assert {one for one in changed if one.startswith("data-")} <= before
    assert not {one for one in changed if one.startswith("train-topic")} & before


@pytest.mark.deepspeed
def test_a_sweep_over_files_goes_all_the_way(folder, tiny, here, tmp_path):
    fill(folder, metric=["accuracy", "macro_f1"])
    model = {key: value for key, value in tiny["models"]["small"].items() if key != "pretrain"}
    fields = {**tiny, "models": {"small": model}, "tasks": ["mine"], "intermediates": ["none", "topic"]}
    done = here({**fields, "targets": ["topic", {"task": "gen-tags", "languages": ["one", "two"]}]}, tmp_path)
    results = Results(Sweep(*done))
    assert results.missing == 0
    found = {(one.target, one.language, one.metric) for one in results.numbers()}
    assert {("topic", language, metric) for language in ("one", "two") for metric in ("accuracy", "macro_f1")} <= found
    assert table_of(results, "small", "zero-shot").row_count == 2
    write_report(results, tmp_path / "report", {})
    table = (tmp_path / "report" / "report.csv").read_text()
    assert "small,topic,topic,zero-shot," in table
    assert begun(next(iter(done[1].steps.values())))["params"]["execution.task_files"] == "['topic']"
    # The target of no intermediate is the training that the intermediate is.
    trainings = [step.name for step in done[1].steps.values() if step.id.startswith("train-topic")]
    assert len(trainings) == 2


@pytest.mark.programs
def test_a_worker_needs_no_task_file(folder, sweep_file, tmp_path, host):
    plan = planned(sweep_file(tasks=["mine"], targets=["topic"]))
    (folder / "topic.yaml").unlink()
    store = Store(str(tmp_path / "store"))
    tokenizer = next(step for step in plan.steps.values() if step.recipe.kind == "tokenizer")
    carry_out(tokenizer.recipe, tokenizer.execution, store, host())
    step = next(step for step in plan.steps.values() if step.id.startswith("data-topic-test"))
    recipe, execution = tmp_path / "recipe.json", tmp_path / "execution.json"
    recipe.write_text(json.dumps(step.recipe.model_dump(mode="json")))
    execution.write_text(json.dumps(step.execution.model_dump(mode="json")))
    command = [sys.executable, "-m", "trainables", recipe, "--store", tmp_path / "store", "--execution", execution]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert store.record(step.id)["result"]["test-two"]["examples"] == 15


def test_a_task_of_the_hub_is_pulled_pinned_checked_and_planned(hub, sweep_file, tmp_path):
    rows = [{"sentence": f"word {i}", "class": i % 2} for i in range(20)]
    for place in ("data/english/train", "data/english/dev", "data/english/test", "data/german/test"):
        hub.put("owner/topic", f"{place}.jsonl", rows)
    said = {
        **TOPIC,
        "languages": {"en": "english", "de": "german"},
        "train_languages": "en",
        "labels": ["down", "up"],
        "rows": {
            "hub": "owner/topic",
            **{split: f"data/{{language}}/{split}.jsonl" for split in ("train", "dev", "test")},
            "columns": {"text": "sentence", "label": "class"},
            "label_values": {0: "up", 1: "down"},
        },
        "counts": {"train": 20, "dev": 20, "test": 21},
    }
    (tmp_path / "topic.yaml").write_text(yaml.safe_dump(said))
    file = sweep_file(tasks="topic.yaml", targets=["topic"])
    with pytest.raises(WrongSpec, match="owner/topic: no commit of it is pinned; `xstilts data pull FILE` does that"):
        planned(file)
    spec = read_spec(file)
    first, *others = [one.what for one in Puller(spec, file).pull()]
    assert first.startswith("owner/topic data/english/train.jsonl")
    assert len(others) == 3
    assert read_lock(file).revisions == {"owner/topic": hub.commit}
    found = {(one.split, one.language): one.findings for one in check_all(spec, file)}
    assert found["test", "de"].labels == {"up": 10, "down": 10}
    assert (found["test", "de"].rows, found["test", "de"].expected) == (20, 21)
    before = steps_of(planned(file))
    said["rows"]["label_values"] = ["down", "up"]
    (tmp_path / "topic.yaml").write_text(yaml.safe_dump(said))
    assert not {one for one in steps_of(planned(file)) if "topic" in one} & before


def test_both_positions_of_a_label_read_the_same_rows(folder, sweep_file):
    (folder / "rows" / "two.conll").write_text("a O\nb B\n\nc O\n")
    said = {
        "name": "tags",
        "type": "tagging",
        "languages": ["two"],
        "train_languages": "two",
        "labels": ["O", "B"],
        "rows": dict.fromkeys(("train", "dev", "test"), "rows/{language}.conll"),
    }
    (folder / "tags.yaml").write_text(yaml.safe_dump(said))
    spec = read_spec(file := sweep_file(tasks=["mine"], targets=["tags", "tags@first-visible"]))
    assert spec.data == {"tags": str(folder)}
    rows = [step.recipe.rows for step in make_plan(spec, str(file)).steps.values() if step.id.startswith("data-tags-")]
    assert len(rows) == 4
    assert len(set(rows)) == 2
