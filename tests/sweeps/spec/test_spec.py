"""A wrong sweep file is one clear line: the file, the field, the mend."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from dataclasses import replace

import pytest

from sweeps.plan.planner import make_plan
from sweeps.spec.reading import WrongSpec, read_spec
from trainables.tasks import get_task, registry

SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
TOKENIZER = {"corpora": ["gen-text"], "vocab_size": 500}
T5 = {"model_type": "t5", "d_model": 32, "num_layers": 2, "num_heads": 2}
MODEL = {"architecture": SHAPE, "tokenizer": TOKENIZER}

WRONG = [
    ({"sed": [1]}, r'sed: unknown field; did you mean "seeds"\?'),
    ({"intermediates": ["gen-nly"]}, r'intermediates\[0\]: there is no task "gen-nly"; did you mean "gen-nli"\?'),
    ({"targets": ["xnly"]}, r'targets\[0\]: there is no task "xnly"; did you mean "xnli"\?'),
    (
        {"intermediates": ["gen-nli@two"]},
        r'intermediates\[0\]: "gen-nli" has no train rows in "two"; has: one',
    ),
    (
        {"intermediates": [{"name": "both", "tasks": ["gen-nli", "gen-nly"]}]},
        r'intermediates\[0\].tasks\[1\]: there is no task "gen-nly"',
    ),
    (
        {"intermediates": [{"name": "alone", "tasks": ["gen-nli"], "cap": 10}]},
        r"intermediates\[0\].cap: is about several tasks at once",
    ),
    (
        {"intermediates": [{"name": "m", "tasks": ["gen-nli"], "mlm": {"corpora": ["gen-qa"], "share": 0.5}}]},
        r'intermediates\[0\].mlm.corpora\[0\]: "gen-qa" is no text',
    ),
    (
        {"intermediates": [{"name": "m", "tasks": ["gen-nli"], "mlm": {"corpora": ["gen-text"], "part": 0.5}}]},
        r"mlm.part: unknown field",
    ),
    ({"data": {"all": "hub", "cgg": "hub"}}, r'data.cgg: there is no task "cgg"'),
    ({"data": {"all": "hub", "mnli": "/nowhere"}}, r"data.mnli: /nowhere is no directory"),
    ({"intermediates": []}, "intermediates: is empty; give at least one"),
    ({"targets": []}, "targets: is empty; give at least one"),
    ({"seeds": []}, "seeds: is empty"),
    ({"seeds": None}, "seeds: this field is missing"),
    ({"models": {}}, "models: is empty"),
    ({"seeds": [1, 2, 1]}, "seeds: 1 stands here twice; every seed once"),
    ({"targets": ["gen-nli", "gen-nli"]}, 'targets: "gen-nli" stands here twice'),
    ({"intermediates": ["gen-pairs"]}, r'intermediates\[0\]: "gen-pairs" has no training data of its own'),
    ({"intermediates": ["xnli"]}, r'"xnli" has no training data of its own; its training data is the task "mnli"'),
    ({"targets": ["mnli"]}, r'targets\[0\]: "mnli" has no evaluation data; it can only be trained on'),
    ({"targets": [{"task": "xnli", "train_on": "squad"}]}, r'train_on: "squad" is no pair-classification task'),
    ({"targets": [{"task": "gen-nli", "languages": ["de"]}]}, r'languages: "gen-nli" has no "de"; has: one two'),
    ({"languages": ["de"]}, r'languages: no target of this sweep has "de"; has: one two'),
    (
        {"models": {"m": {"start": "/nowhere"}}},
        r"models\.m\.start: /nowhere is not there; give a directory with config\.json, or a GGUF file",
    ),
    ({"models": {"m": {"start": "owner/name"}}}, r"models\.m\.revision: a model of the hub needs the commit"),
    ({"models": {"m": {"architecture": SHAPE}}}, r"models\.m\.tokenizer: a model from nothing needs one"),
    ({"models": {"m": {}}}, r"models\.m: give either start"),
    (
        {"models": {"m": {**MODEL, "architecture": {**SHAPE, "model_type": "gpt2"}}}},
        r'models\.m\.architecture: the model is of type "gpt2", .*: bert, .*xlm-roberta',
    ),
    (
        {"models": {"m": {**MODEL, "architecture": {**SHAPE, "hiden_size": 8}}}},
        r'models\.m\.architecture\.hiden_size: no setting of a xlm-roberta encoder; did you mean "hidden_size"\?',
    ),
    (
        {"models": {"m": {**MODEL, "architecture": {**T5, "hidden_size": 8}}}},
        r"models\.m\.architecture\.hidden_size: no setting of a t5 encoder; there are d_ff, d_kv, d_model",
    ),
    (
        {"models": {"m": {**MODEL, "architecture": T5, "pretrain": {"corpora": ["gen-text"], "steps": 1}}}},
        r"models\.m\.pretrain\[0\]\.objective: masked-lm needs a mask token, which the model m lacks; .*bert",
    ),
    (
        {
            "models": {"m": {**MODEL, "architecture": T5}},
            "intermediates": [
                {
                    "name": "x",
                    "tasks": ["gen-nli"],
                    "mlm": {"corpora": ["gen-text"], "alpha": 1, "share": 0.5},
                }
            ],
        },
        r"intermediates\[0\]\.mlm: masked-lm needs a mask token, which the model m lacks",
    ),
    ({"models": {"m": {**MODEL, "tokenizer": {"corpora": ["gen-nli"], "vocab_size": 500}}}}, '"gen-nli" is no text'),
    (
        {"models": {"m": {**MODEL, "pretrain": {"corpora": ["gen-text"], "steps": 1, "translations": 0.5}}}},
        "needs alpha",
    ),
    (
        {"models": {"m": {**MODEL, "pretrain": [{"corpora": ["gen-text"], "alpha": 1, "weights": {"x": 1}}]}}},
        r"models\.m\.pretrain\[0\]\.weights\.x: no corpus of gen-text",
    ),
    (
        {"models": {"m": {**MODEL, "pretrain": {"corpora": ["gen-text"], "exclude": ["gen-text"]}}}},
        r'pretrain\[0\]\.exclude\[0\]: "gen-text" has no evaluation data',
    ),
    (
        {"models": {"m": {**MODEL, "pretrain": {"corpora": ["gen-text"], "lerning_rate": 1}}}},
        r'pretrain\[0\]\.lerning_rate: unknown field; did you mean "learning_rate"',
    ),
    ({"models": {"m": {**MODEL, "pretrian": {}}}}, r'models\.m\.pretrian: unknown field; did you mean "pretrain"\?'),
    (
        {"tracking": "http://me:geheim@mlflow:5000"},
        r"tracking: a password .* set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment$",
    ),
    ({"storage": "s3://me:geheim@bucket/runs"}, r"storage: a password .* set AWS_ACCESS_KEY_ID"),
    ({"storage": "s3://geheim@bucket/runs"}, r"storage: a name or a key stands .* set AWS_ACCESS_KEY_ID"),
    ({"storage": "abfs://c@a.dfs.core.windows.net/p?sig=geheim"}, r'storage: a secret \("sig"\) stands in the address'),
    ({"tracking": "https://geheim@mlflow"}, r"tracking: a name or a key stands in the address"),
    ({"tracking": "mysql+pymysql://u@h/db?password=geheim"}, r'tracking: a secret \("password"\) stands in'),
    ({"data": "https://me:geheim@host/data"}, r"data\.all: a password stands in the address"),
    ({"models": {"m": {"start": "https://me:geheim@host/m"}}}, r"models\.m\.start: a password stands in .* HF_TOKEN"),
    ({"tracking": "http://[mlflow:5000"}, r'tracking: "http://\[mlflow:5000" is no address that can be read'),
    ({"training": {"gen-nli": {"steps": 5}}}, r"training\.gen-nli: no intermediate or target of this sweep"),
    ({"training": {"all": {"learning_rat": 1}}}, r'learning_rat: unknown field; did you mean "learning_rate"\?'),
    ({"training": {"all": {"dropout": 1.5}}}, r"training\.all\.dropout: .*less than 1"),
    ({"execution": {"worker": 2}}, r'execution\.worker: unknown field; did you mean "workers"\?'),
    ({"execution": {"zero_stage": 4}}, r"execution\.zero_stage: .*0, 1, 2 or 3"),
    ({"data": "/nowhere"}, "data: /nowhere is no directory"),
    ({"targets": ["udpos"]}, "data: this task reads files; say where: data: PATH"),
    ({"training": {"all": {"steps": 5, "epochs": 1}}}, "give either epochs or steps, not both"),
    ({"training": {"all": {"steps": 5, "max_length": 500}}}, "500 subwords, but the model has 128 positions"),
    (
        {"targets": ["gen-qa"], "training": {"all": {"steps": 5, "max_length": 12}}},
        r"training\.gen-qa\.max_length: 12 subwords are too few for span-qa \(gen-qa\); give 13 or more$",
    ),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_each_mistake_is_named(sweep_file, fields, message):
    file = sweep_file(**fields)
    with pytest.raises(WrongSpec, match=message) as caught:
        make_plan(read_spec(file), str(file))
    assert all(line.startswith(f"{file}: ") and "\n" not in line for line in caught.value.lines)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("model_type", ["opt", "gpt2"])
def test_a_local_model_that_cannot_be_trained_is_named(sweep_file, tmp_path, model_type):
    from transformers import AutoConfig

    AutoConfig.for_model(model_type).save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").touch()
    file = sweep_file(models={"m": str(tmp_path / "model")})
    with pytest.raises(WrongSpec) as caught:
        read_spec(file)
    (line,) = caught.value.lines
    assert re.search(rf'models\.m\.start: .*/model is of type "{model_type}"', line)
    assert re.search(r"types that can: bert, .*xlm-roberta", line)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            ["pytorch_model.bin"],
            "has its weights in pytorch_model.bin alone, which can run code; load it with AutoModel",
        ),
        ([], r"has no \*.safetensors weights; load it"),
        (["model.safetensors"], r"has no tokenizer \(tokenizer.json, .*, vocab.txt\); save_pretrained its tokenizer"),
    ],
)
def test_a_local_model_that_lacks_files_is_named_with_the_mend(sweep_file, tmp_path, files, message):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text('{"model_type": "bert"}')
    for name in files:
        (tmp_path / "model" / name).touch()
    file = sweep_file(models={"m": str(tmp_path / "model")})
    with pytest.raises(WrongSpec, match=rf"models\.m\.start: .*model {message}") as caught:
        read_spec(file)
    assert len(caught.value.lines) == 1


@pytest.mark.parametrize(
    "config",
    [
        *(
            "not JSON",
            "{}",
            "[1]",
            "[" * 5000,
            "\udcff",
            '{"model_type": 3}',
            '{"model_type": "bert", "hidden_size": "x"}',
        ),
        *(
            f'{{"model_type": "bert", "hidden_size": {size}}}'
            for size in ("null", "1e400", "NaN", "-768", "10", "[768]")
        ),
    ],
)
def test_a_local_model_without_a_usable_configuration_is_named(sweep_file, tmp_path, config):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_bytes(config.encode("utf-8", "surrogateescape"))
    (tmp_path / "model" / "model.safetensors").touch()
    file = sweep_file(models={"m": str(tmp_path / "model")})
    with pytest.raises(
        WrongSpec, match=r"models\.m\.start: .*(config\.json|no shape that a bert model can have)"
    ) as caught:
        read_spec(file)
    assert len(caught.value.lines) == 1
    assert "\n" not in caught.value.lines[0]


def test_real_data_that_is_not_there_is_named(sweep_file, tmp_path):
    (tmp_path / "xtreme").mkdir()
    file = sweep_file(targets=["udpos"], data=str(tmp_path / "xtreme"))
    with pytest.raises(WrongSpec, match=r"data: udpos: .*train-en\.tsv"):
        make_plan(read_spec(file), str(file))


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "max_length, batch_size, learning_rate, epochs"),
        ({"steps": 5, "learning_rate": [1e-5, 2e-5]}, "max_length, batch_size"),
    ],
)
def test_a_task_without_settings_says_which_fields_to_give(sweep_file, monkeypatch, given, missing):
    monkeypatch.setitem(registry._TASKS, "gen-tags", replace(get_task("gen-tags"), settings={}))
    file = sweep_file(targets=["gen-tags"], training={"gen-tags": given})
    with pytest.raises(WrongSpec) as caught:
        make_plan(read_spec(file), str(file))
    assert caught.value.lines == [f"{file}: training.gen-tags: the task has no settings of its own; give {missing}"]


def test_early_stopping_says_what_is_wrong_with_it(sweep_file):
    with pytest.raises(WrongSpec, match=r'early_stopping\.collapse\.patiense: unknown field; did you mean "patience"'):
        read_spec(sweep_file(early_stopping={"collapse": {"patiense": 2}}))
    file = sweep_file(training={"all": {"steps": 4, "min_gain": 0.1, "max_length": 64}})
    with pytest.raises(WrongSpec, match=r"min_gain: has no effect without patience"):
        make_plan(read_spec(file), str(file))


def test_not_yaml_and_not_there(tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(WrongSpec, match="not valid YAML"):
        read_spec(tmp_path / "bad.yaml")
    with pytest.raises(WrongSpec, match="there is no such file"):
        read_spec(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(WrongSpec, match="expected a mapping"):
        read_spec(tmp_path / "list.yaml")


def test_overrides_reach_any_field(sweep_file):
    spec = read_spec(sweep_file(), ["seeds=[3,4]", "training.gen-tags.steps=7", "execution.workers=2", "data=hub"])
    assert spec.seeds == (3, 4)
    assert spec.training["gen-tags"].steps == 7
    assert spec.execution.workers == 2
    assert spec.data == {"all": "hub"}
    with pytest.raises(WrongSpec, match="write it as -o field=value"):
        read_spec(sweep_file(), ["seeds"])
    with pytest.raises(WrongSpec, match="sweep is no mapping"):
        read_spec(sweep_file(), ["sweep.x=1"])


@pytest.mark.parametrize("command", ["run", "plan"])
def test_the_command_line_says_so_quickly_and_leaves_with_2(sweep_file, command):
    file = sweep_file(targets=["xnly"])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", "sweeps.cli.main", command, str(file)], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 2
    assert done.stderr.strip() == f'{file}: targets[0]: there is no task "xnly"; did you mean "xnli"?'
    # What it took of a processor, not of the clock: the machine may be busy with other things.
    assert (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime) < 2


def test_a_storage_that_cannot_be_written_is_said_before_anything_starts(sweep_file, tmp_path):
    (tmp_path / "file").write_text("")
    file = sweep_file(storage=str(tmp_path / "file" / "store"))
    done = subprocess.run([sys.executable, "-m", "sweeps.cli.main", "run", str(file)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{file}: storage: {tmp_path / 'file'} is a file, and no folder")


def test_a_suite_stands_for_its_tasks_in_its_languages(sweep_file):
    spec = read_spec(sweep_file(targets="xtreme-r"))
    targets = {target.task: target for target in spec.targets}
    assert len(targets) == 10
    assert len(targets["udpos"].languages) == 38
    assert targets["tatoeba"].trained_on == ("squad",)
    assert targets["xcopa"].trained_on == ("siqa", "copa")
    mixed = read_spec(sweep_file(targets=["xtreme", "gen-tags"]))
    assert [target.task for target in mixed.targets][-2:] == ["tatoeba", "gen-tags"]
    assert len({target.task: target for target in mixed.targets}["udpos"].languages) == 33
    with pytest.raises(WrongSpec, match='languages: none of them is in "bucc2018"; has: de fr ru zh; leave targets'):
        read_spec(sweep_file(targets="xtreme", languages=["en", "sw"]))
