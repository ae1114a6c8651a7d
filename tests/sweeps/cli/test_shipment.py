"""What goes to a cluster with a sweep: enough to read the same sweep there, and nothing that is found there anyway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from sweeps.cli.shipment import NEEDS, pack
from sweeps.spec.places import check_shared
from sweeps.spec.reading import read_fields, read_spec
from trainables.steps.environment import SHIPPED, Code, code
from trainables.tasks.lock import lock_path

TASK = {
    "name": "topic",
    "type": "text-classification",
    "languages": ["one", "two"],
    "train_languages": "one",
    "labels": ["a", "b"],
    "rows": {"train": "rows/train.jsonl", "dev": "rows/dev.jsonl", "test": "rows/{language}.jsonl"},
    "settings": {"max_length": 64, "learning_rate": 1e-3},
}


def test_the_sweep_that_is_read_there_is_the_one_that_was_submitted(sweep_file, tmp_path, monkeypatch):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "topic.yaml").write_text(yaml.safe_dump(TASK))
    (tmp_path / "own_plugin.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    file = sweep_file(targets=["topic", "gen-tags"], plugins=["own_plugin"])
    lock_path(file).write_text("{}")
    overrides = ["seeds=[4, 5]", "execution.workers=2"]
    spec = read_spec(file, overrides, data_here=False)
    assert Path(spec.data["topic"]) == tmp_path / "tasks"
    there = tmp_path / "there"
    there.mkdir()
    sent = pack(file, read_fields(file, overrides), spec, there)
    written = [NEEDS, "own_plugin.py", "task-1-topic.yaml", "tiny.lock.json", "tiny.yaml"]
    assert sorted(path.name for path in there.iterdir()) == written
    assert f"cluster.requirements {NEEDS} && exec python3 -m sweeps.cli.main run tiny.yaml" in sent.command
    assert [path.name for path in sent.modules] == ["sweeps", "trainables", "cluster"]
    assert all(path.is_dir() for path in sent.modules)
    found = read_spec(there / "tiny.yaml", data_here=False)
    assert found.model_dump(exclude={"tasks"}) == spec.model_dump(exclude={"tasks"})
    assert list(found.tasks.values()) == list(spec.tasks.values())
    monkeypatch.setenv(SHIPPED, sent.env[SHIPPED])
    assert code(tmp_path) == Code.model_validate_json(sent.env[SHIPPED])
    assert {"ray", "torch"} <= set(json.loads((there / NEEDS).read_text())["versions"])


def test_weights_of_the_small_model_go_only_with_sweeps_that_start_from_it(sweep_file, tmp_path):
    def excluded(**fields):
        file = sweep_file(**fields)
        return pack(file, read_fields(file), read_spec(file), tmp_path).excludes

    assert excluded() == ("models/mini/*.safetensors",)
    assert excluded(models=["mini"], training={"all": {"steps": 1, "evaluate_every": 1}}) == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"storage": "runs"}, 'storage: "runs" is relative to a folder of this machine; give a path or an address'),
        ({"storage": "s3://b/p"}, "tracking: MLflow's file would lie in a folder that goes with the job; give http"),
        ({"tracking": "sqlite:///runs.db"}, "tracking: MLflow's file would lie in a folder"),
        ({"data": "download"}, 'data.all: "download" is relative to a folder of this machine; give a path that all'),
        ({"models": {"m": {"start": "./model"}}}, 'models.m.start: "./model" is relative'),
        (
            {"perturbations": {"x": {"kind": "code-switching", "dictionaries": {"all": "/muse", "de-en": "de.txt"}}}},
            'perturbations.x.dictionaries.de-en: "de.txt" is relative to a folder of this machine; give',
        ),
        ({}, None),
        ({"storage": "~/runs"}, None),
        ({"storage": "s3://b/p", "tracking": "http://mlflow:5000", "data": "~/download", "models": ["mini"]}, None),
    ],
)
def test_what_only_this_machine_can_find_is_refused(sweep_file, fields, said):
    problems = check_shared(read_spec(sweep_file(**fields), data_here=False, checked=False))
    assert [line[: len(said)] for line in problems] == [said] if said else problems == []
