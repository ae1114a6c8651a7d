"""Whatever a sweep file or an override holds, it is read or refused in one line, quickly, with nothing written."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeps.plan.planner import make_plan
from sweeps.spec.reading import WrongSpec, read_spec
from trainables.outside.text import LINE
from trainables.store import Store, StoreError

SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
TOKENIZER = {"corpora": ["gen-text"], "vocab_size": 500}
NEW = {"architecture": SHAPE, "tokenizer": TOKENIZER}


def model(**change: Any) -> dict[str, Any]:
    return {"models": {"m": {**NEW, **change}}}


def shape(**change: Any) -> dict[str, Any]:
    return model(architecture={**SHAPE, **change})


def training(**change: Any) -> dict[str, Any]:
    return {"training": {"all": {"steps": 4, **change}}}


HUGE, LONG = 10**400, "x" * 300
TOWER: dict[str, Any] = {
    "architecture": {"hidden_size": 32, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
}
IMAGES: dict[str, Any] = {"vision": TOWER, "intermediates": [{"name": "i", "tasks": ["gen-images@one+two"]}]}
MATCHED: dict[str, Any] = {**IMAGES, "intermediates": [*IMAGES["intermediates"], {"name": "c", "captions_of": "i"}]}
BROKEN: list[tuple[dict[str, Any], str]] = [
    # names
    *[
        ({"sweep": name}, "sweep: ")
        for name in ("..", ".", "--help", "-x", "a/b", "a b", "", LONG, "ü", 7, None, [], {}, True)
    ],
    *[({"models": {name: "mini"}}, "models.") for name in ("--m", "..", LONG, " ", "")],
    *[
        ({"intermediates": [{"name": name, "tasks": ["gen-nli"]}]}, "intermediates[0].name: ")
        for name in ("-x", LONG, "")
    ],
    ({"targets": [LONG]}, "targets[0].task: "),
    ({"targets": ["-o"]}, "targets[0].task: "),
    # kinds of values
    *[
        ({"seeds": seeds}, "seeds")
        for seeds in ([True], ["1"], [1.5], [-1], [2**32], [None], [[1]], [{}], [], "x", 7, {})
    ],
    ({"seeds": list(range(1001))}, "seeds: "),
    ({"models": 7}, "models: "),
    ({"models": "mini"}, "models: "),
    ({"models": [["mini"]]}, "models"),
    ({"models": {"m": 7}}, "models.m: "),
    ({"models": {"m": None}}, "models.m: "),
    ({"intermediates": "none"}, "intermediates: "),
    ({"intermediates": [7]}, "intermediates[0]: "),
    ({"intermediates": [{"name": "a", "tasks": "gen-nli"}]}, "intermediates[0].tasks: "),
    ({"intermediates": ["gen-nli@xx"]}, 'intermediates[0]: "gen-nli" has no train rows in "xx"; has: one'),
    ({"targets": [7]}, "targets[0]: "),
    ({"targets": {"gen-nli": {}}}, "targets: "),
    ({"targets": [{"task": "gen-nli", "train_on": 7}]}, "targets[0].train_on: "),
    ({"languages": "one"}, "languages: "),
    ({"languages": [1]}, "languages[0]: "),
    ({"test_limit": 0}, "test_limit: "),
    ({"test_limit": "all"}, "test_limit: "),
    ({"intermediate_seeds": "other"}, "intermediate_seeds: "),
    ({"hyperparameters": "mine"}, "hyperparameters: "),
    ({"keep": True}, "keep: "),
    ({"plugins": ["no_such_module_at_all"]}, "plugins[0]: the plug-in no_such_module_at_all cannot be imported"),
    ({"plugins": [".relative"]}, "plugins[0]: "),
    ({"plugins": [7]}, "plugins[0]: "),
    ({"plugins": "json"}, "plugins: "),
    ({"steps": {"train": {}}}, "steps.train: "),
    ({"steps": {"no-such-kind": {}}}, "steps.no-such-kind: "),
    ({"steps": {"x": 7}}, "steps.x: "),
    ({"revisions": {"a/b": "../x"}}, "revisions.a/b: "),
    # numbers
    *[
        (training(learning_rate=rate), "training.all.learning_rate")
        for rate in (True, "1e-5", 0, -1, 1e300, [], [1, "x"], {}, "big")
    ],
    *[(training(steps=steps), "training.all.steps: ") for steps in (True, 0, -1, 2.5, "4", 2**60, [4], HUGE)],
    *[
        (training(**{field: True}), f"training.all.{field}: ")
        for field in (
            *(
                "batch_size",
                "epochs",
                "max_length",
                "warmup",
                "weight_decay",
                "clip",
                "adam_beta2",
                "adam_eps",
                "dropout",
            ),
            *("attention_dropout", "evaluate_every", "patience", "min_gain", "train_limit", "dev_limit"),
        )
    ],
    (training(precision="fp8"), "training.all.precision: "),
    # low-rank adapters
    *[
        (training(adaptation=wrong), "training.all.adaptation")
        for wrong in (7, True, "lora", {}, {"lora": 7}, [], LONG)
    ],
    *[
        (training(adaptation={"lora": {field: wrong}}), f"training.all.adaptation.lora.{field}")
        for field, values in {
            "rank": (0, -1, 1.5, "8", True, 10**9, HUGE, 33),
            "alpha": (0, -1, "x", True),
            "dropout": (1, -0.1, "x"),
            "targets": ([], [7], "qurey", ["query", "quer"], ["attention", "query"], [LONG], "a b", ".*", {}, [[]]),
            "r": (8,),
        }.items()
        for wrong in values
    ],
    (training(adaptation={"lora": {}, "between_phases": "kept"}), "training.all.adaptation.between_phases: "),
    (
        model(pretrain={"corpora": ["gen-text"], "steps": 1, "adaptation": {"lora": {}}}),
        "models.m.pretrain[0].adaptation: lora, but the weights below would be random for ever",
    ),
    (training(max_length=4), "training.all.max_length: "),
    ({"training": {"gen-nli": 7}}, "training.gen-nli: "),
    ({"training": [1]}, "training: "),
    ({"generated": {"size": 1e9}}, "generated.size: "),
    ({"generated": {"size": 0}}, "generated.size: "),
    ({"generated": {"seed": "x"}}, "generated.seed: "),
    ({"early_stopping": {"asha": {"grace": True}}}, "early_stopping.asha.grace: "),
    ({"early_stopping": {"asha": {"grace": 5, "reduction": 1}}}, "early_stopping.asha.reduction: "),
    ({"early_stopping": {"collapse": {"reseed": 10**6}}}, "early_stopping.collapse.reseed: "),
    ({"execution": {"workers": 10**9}}, "execution.workers: "),
    ({"execution": {"zero_stage": True}}, "execution.zero_stage: "),
    ({"execution": {"zero_stage": "2"}}, "execution.zero_stage: "),
    ({"execution": {"stall_minutes": 0}}, "execution.stall_minutes: "),
    ({"execution": {"data": {"all": "hub"}}}, "execution.data: has no effect in a sweep file; give data"),
    ({"execution": "fast"}, "execution: give auto, or a mapping of fields"),
    ({"execution": {"gpus_per_worker": 1.5}}, "execution.gpus_per_worker: of several GPUs none can be shared"),
    ({"execution": {"trian": {"workers": 2}}}, "execution.trian: no kind of step and no model of this sweep; did you"),
    ({"execution": {"train": {"worker": 2}}}, 'execution.train.worker: unknown field; did you mean "workers"?'),
    (
        {"execution": {"gpus_per_worker": 0.5, "train": {"workers": 2}}},
        "execution.gpus_per_worker: the 2 workers of a training of small cannot share a GPU among them (found 0.5)",
    ),
    ({"execution": {"offload": {"optimizer": "disk"}}}, "execution.offload.optimizer: "),
    ({"execution": {"offload": {"optimizer": "nvme"}}}, "execution.offload: nvme takes folder: a path on a local disk"),
    (
        {"execution": {"offload": {"optimizer": "cpu", "folder": "/x"}}},
        "execution.offload: folder has no effect without",
    ),
    ({"execution": {"offload": {"optimizer": "nvme", "folder": "x"}}}, "execution.offload: folder is no absolute path"),
    (
        {"execution": {"offload": {"parameters": "nvme", "folder": "/x"}}},
        "execution.offload: optimizer and parameters lie in",
    ),
    ({"execution": {"offload": {}}}, "execution.offload: nothing is offloaded; give optimizer: cpu, parameters"),
    (
        {"execution": {"offload": {"parameters": "cpu"}, "train": {"zero_stage": 2}}},
        "execution: trainings of small: offload takes zero_stage 3 or more (found 2); leave zero_stage out",
    ),
    ({"execution": {"checkpoint_activations": 1}}, "execution.checkpoint_activations: "),
    ({"execution": {"train": 2}}, "execution.train: input should be a mapping of fields"),
    ({"execution": {"train": {"workers": 0}}}, "execution.train.workers: "),
    ({"execution": {"small": {"data": {"all": "hub"}}}}, "execution.small.data: has no effect in a sweep file"),
    ({"execution": {"workers": 2, "all": {"workers": 3}}}, "execution.workers: stands also under execution.all"),
    (
        {"models": {"train": "mini"}, "execution": {"train": {"workers": 2}}},
        "execution.train: means the steps of a kind and is a model of this sweep; give the model another name",
    ),
    # models that cannot be
    (shape(hidden_size="big"), 'models.m.architecture.hidden_size: "big"; give a whole number'),
    (shape(hidden_size=[32]), "models.m.architecture: "),
    (shape(hidden_size=0), "models.m.architecture.hidden_size: 0; give a whole number from 1"),
    (shape(hidden_size=True), "models.m.architecture.hidden_size: true"),
    (shape(hidden_size=32.5), "models.m.architecture.hidden_size: 32.5"),
    (shape(num_hidden_layers=10**12), "models.m.architecture.num_hidden_layers: "),
    (shape(num_attention_heads=3), "3 attention heads do not divide a hidden size of 32; change one of them"),
    (shape(num_attention_heads=64), "64 attention heads do not divide a hidden size of 32"),
    (shape(model_type=7), "models.m.architecture.model_type: "),
    (shape(model_type="no-such-model"), "models.m.architecture: the model is of type"),
    (model(architecture="bert"), "models.m.architecture: "),
    (model(tokenizer={**TOKENIZER, "vocab_size": 10**12}), "models.m.tokenizer.vocab_size: "),
    (model(tokenizer={**TOKENIZER, "languages": ["one", "xx"]}), 'models.m.tokenizer.languages: no corpus has "xx"'),
    (model(seed=True), "models.m.seed: "),
    (model(pretrain=7), "models.m.pretrain: "),
    (model(pretrain={"corpora": ["gen-text"], "steps": 1, "alpha": 2}), "models.m.pretrain[0].alpha: "),
    ({"models": {"m": {"start": "a//b", "revision": "main"}}}, 'models.m.start: "a//b" is no hub id'),
    ({"models": {"m": {"start": "a b/c", "revision": "main"}}}, "models.m.start: "),
    ({"models": {"m": {"start": "o/n", "revision": "--x"}}}, "models.m.revision: "),
    ({"models": {"m": {"start": "~nobody-at-all/x"}}}, "models.m.start: "),
    ({"models": {"m": {"start": "/" + "x" * 3000}}}, "models.m.start: "),
    ({"models": {"m": {"start": ""}}}, "models.m.start: "),
    # questions
    *[({"question": wrong}, "question") for wrong in (7, {}, "size", ["scale", 7], "scales")],
    ({"question": ["intermediates", "intermediates"]}, "question: intermediates stands there twice"),
    ({"question": "scale"}, "question: scale needs models of two sizes or more"),
    ({"question": "low-resource"}, "question: low-resource needs one intermediate in two languages"),
    ({"question": "multimodal"}, "question: multimodal needs a model with a text-only twin, or an image-text"),
    ({"question": "robustness"}, "question: robustness needs a target and a perturbed"),
    ({"intermediates": ["none"], "question": "intermediates"}, "question: intermediates needs none and another"),
    (model(twin="other"), "models.m.twin: other is no other model of this sweep"),
    (model(seen="xx"), "models.m.seen: "),
    (model(family=""), "models.m.family: "),
    ({"retrieval": {"layer": 99}}, "retrieval.layer: 99, but models.small has 2 blocks; give 0 (embeddings) to 2"),
    ({"retrieval": {"layer": -1}}, "retrieval.layer: "),
    ({"retrieval": {"layer": "last"}}, "retrieval.layer: "),
    # places
    ({"data": "~nobody-at-all"}, "data: "),
    ({"data": ""}, "data.all: "),
    ({"data": "x" * 5000}, "data.all: "),
    ({"data": "/" + "x" * 3000}, "data: "),
    ({"data": 7}, "data: "),
    ({"storage": ""}, "storage: is empty; give a value"),
    ({"storage": " "}, "storage: the path is empty"),
    ({"storage": "runs\n"}, "storage: has a tab or the end of a line in it"),
    ({"tracking": "http://host\n/x"}, "tracking: has a tab or the end of a line in it"),
    ({"languages": ["one\ttwo"]}, "languages[0]: has a tab or the end of a line in it"),
    ({"execution": {"trim_vocabulary": "yes"}}, "execution.trim_vocabulary: "),
    ({"targets": [{"task": "gen-nli", "languages": ["two", "two"]}]}, 'targets[0].languages: "two" stands here twice'),
    ({"intermediates": ["gen-nli@one+one"]}, 'intermediates[0]: "one" stands here twice'),
    ({"intermediates": [{"name": "a\u202eb", "tasks": ["gen-nli"]}]}, "intermediates[0].name: is no name"),
    ({"storage": "~nobody-at-all/runs"}, "storage: "),
    ({"storage": f"file://{__file__}"}, "is a file, and no folder"),
    ({"storage": __file__}, "storage: "),
    ({"storage": f"{__file__}/below"}, "is a file, and no folder"),
    ({"storage": "http://host/x"}, 'storage: "http://host/x": nothing can be written to http; a URI is like s3://'),
    ({"storage": "no-such-scheme://x"}, "storage: "),
    ({"storage": "s3://host:port/x"}, "storage: "),
    ({"storage": "/" + "x" * 3000}, "storage: "),
    ({"storage": 7}, "storage: "),
    ({"tracking": "no such thing"}, 'tracking: "no such thing" is no address of an MLflow; give http://HOST:PORT'),
    ({"tracking": "javascript:alert(1)"}, "tracking: "),
    ({"tracking": "http://"}, "tracking: "),
    ({"tracking": "http://host:70000"}, "tracking: "),
    ({"tracking": "sqlite:///"}, "tracking: "),
    ({"tracking": f"sqlite:///{__file__}/x.db"}, "tracking: "),
    ({"tracking": "ftp://host/x"}, "tracking: "),
    ({"tracking": ""}, "tracking: "),
    # languages
    ({"languages": ["one", "xx"]}, 'languages: no target of this sweep has "xx"; has: one two'),
    ({"languages": ["one", "one"]}, 'languages: "one" stands here twice; every language once'),
    # too much
    (
        {"seeds": list(range(1000)), "intermediates": [{"name": f"{i}", "tasks": ["gen-nli"]} for i in range(100)]},
        "200,000 cells; make sweeps of at most 20,000",
    ),
    ({"x" * 300_000: 1}, "more than 262,144"),
    # images
    *[
        ({**IMAGES, "vision": vision}, "vision")
        for vision in (
            {},
            7,
            {"start": "a/b"},
            {"start": "./nowhere"},
            {"architecture": {"hidden_size": 0}},
            {"architecture": {"image_size": 32, "patch_size": 5}},
            {"architecture": {"hidden_size": 32, "num_attention_heads": 5}},
            {"architecture": {"colour": 1}},
            {"architecture": {"model_type": "bert"}},
            {"architecture": {"hidden_size": HUGE}},
            {**TOWER, "frozen": True},
            {**TOWER, "frozen": 1},
            {**TOWER, "width": 0},
            {**TOWER, "loss": "triplet"},
            {**TOWER, "start": "a/b"},
        )
    ],
    ({**IMAGES, "vision": None}, "vision: is missing"),
    ({"vision": TOWER}, "vision: nothing in this sweep"),
    *[
        ({**IMAGES, "intermediates": [IMAGES["intermediates"][0], {"name": "c", **more}]}, f"intermediates[1].{field}")
        for field, more in (
            ("tasks", {}),
            ("captions_of", {"captions_of": "nobody"}),
            ("captions_of", {"captions_of": "c"}),
            ("captions_of", {"captions_of": "i", "tasks": ["gen-nli"]}),
            ("captions_of", {"captions_of": "i", "updates_of": "i"}),
            ("objective", {"captions_of": "i", "objective": "word-ranking"}),
            ("objective", {"tasks": ["gen-nli"], "objective": "masked-lm"}),
            ("updates_of", {"tasks": ["gen-nli"], "updates_of": "none"}),
            ("vision", {"tasks": ["gen-nli"], "vision": TOWER}),
            ("tasks", {"tasks": ["gen-images", "gen-nli"]}),
        )
    ],
    (
        {**IMAGES, "intermediates": [{"name": "i", "tasks": ["gen-images"]}, {"name": "c", "captions_of": "i"}]},
        "intermediates[1].captions_of: i has captions in one language",
    ),
    ({**MATCHED, "training": {"all": {"epochs": 1}}}, "training.i.steps: "),
    ({**MATCHED, "training": {"all": {"steps": 4}, "c": {"batch_size": 64}}}, "training.c.batch_size: "),
    ({**MATCHED, "training": {"all": {"steps": 4}, "i": {"batch_size": 96}}}, "training.c.batch_size: 96 is no mult"),
]
TEXTS = [
    ("", "it is empty; expected a mapping of fields"),
    ("- 1", "found [1]; expected a mapping"),
    ("sweep", 'found "sweep"; expected a mapping'),
    ("sweep: a\nsweep: b", 'line 2: the key "sweep" stands twice'),
    ('{"sweep": "a", "sweep": "b"}', 'the key "sweep" stands twice'),
    ("sweep: 2024-13-45", "sweep: line 1: 2024-13-45 is a date"),
    ("sweep: " + "[" * 5000, "nested more than 32 deep"),
    ("1: a", "1: field names must be words"),
    ("true: a", "true: field names must be words"),
    ("a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 20)), "values"),
    ("sweep: \x1b[2J", "it has the character"),
    ('sweep: "\\e]0;gotcha\\a"', r"has the control character \x1b"),
    (b"\xff\xfes\x00", "is UTF-16"),
    ("sweep: größe".encode("latin-1"), "is not UTF-8 (byte 0xf6), but maybe Latin-1; save it as UTF-8"),
    (b"sweep: a\0b", "has zero bytes"),
]
OVERRIDES = [
    ("seeds", "-o seeds: write it as -o field=value"),
    ("=1", "-o =1: write it as -o field=value"),
    ("", "write it as"),
    ("seeds=[1", "-o seeds: line 1: not valid YAML"),
    ("seeds=[1, 1]", "seeds: 1 stands here twice"),
    ("seeds=[true]", "seeds[0]: input should be a valid integer (found true)"),
    ("sweep.x=1", "-o sweep.x: sweep is no mapping"),
    ("seeds.0=1", "seeds is no mapping"),
    ("sed=[1]", 'sed: unknown field; did you mean "seeds"?'),
    ("training.all.step=4", 'training.all.step: unknown field; did you mean "steps"?'),
    ("\x1b[2J=1", r"\x1b[2J: unknown field"),
    ("sweep=\x1b[2J", "it has the character"),
    ("sweep=" + "x" * 5000, "sweep: "),
    ("x" * 5000 + "=1", "unknown field"),
    ("seeds=" + "[" * 5000, "nested"),
    ("seeds=[1" + "0" * 400 + "]", "too large"),
    ("sweep=2024-01-31", "is a date"),
    ("sweep=\udcff", "it has the character"),
    ("a" + ".b" * 5000 + "=1", ""),
]


def refused(file: Path, overrides: list[str] | None = None) -> list[str]:
    """The lines that a command would end with."""
    try:
        spec = read_spec(file, overrides)
        try:
            Store(spec.storage)
        except StoreError as error:
            return [f"{file}: storage: {error}"]
        make_plan(spec, str(file))
    except WrongSpec as error:
        return error.lines
    return []


def hold(lines: list[str], said: str, start: str) -> None:
    (line,) = lines
    assert line.startswith(start)
    assert said in line
    assert len(line) <= LINE
    assert line.isprintable()


@pytest.fixture
def file(tmp_path, tiny, monkeypatch):
    """Writes a sweep file into the test's own, else empty, current folder."""
    monkeypatch.chdir(tmp_path)

    def write(change: dict[str, Any] | str | bytes) -> Path:
        if isinstance(change, dict):
            change = json.dumps({**copy.deepcopy(tiny), **change})
        Path("s.yaml").write_bytes(change if isinstance(change, bytes) else change.encode())
        return Path("s.yaml")

    yield write
    assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"], "something was written"


@pytest.mark.parametrize(("change", "said"), BROKEN, ids=[f"{i}-{said[:30]}" for i, (_, said) in enumerate(BROKEN)])
def test_a_broken_field_is_one_line(file, change, said):
    hold(refused(file(change)), said, "s.yaml: ")


@pytest.mark.parametrize(("text", "said"), TEXTS, ids=[f"{i}-{said[:30]}" for i, (_, said) in enumerate(TEXTS)])
def test_a_broken_file_is_one_line(file, text, said):
    hold(refused(file(text)), said, "s.yaml: ")


@pytest.mark.parametrize(
    ("override", "said"), OVERRIDES, ids=[f"{i}-{said[:30]}" for i, (_, said) in enumerate(OVERRIDES)]
)
def test_a_broken_override_is_one_line(file, override, said):
    hold(refused(file({}), [override]), said, "")


def test_an_override_changes_its_own_field_only(file, tiny):
    text = yaml.safe_dump({**tiny, "training": None}).replace(
        "training: null", "training:\n  all: &a {steps: 4}\n  gen-tags: *a"
    )
    spec = read_spec(file(text), ["training.gen-tags.steps=7"])
    assert (spec.training["all"].steps, spec.training["gen-tags"].steps) == (4, 7)


def test_every_wrong_code_is_named_with_the_right_one(file):
    wanted = {"languages": ["de", "zh-CN", "iw", "jav", "xx", "de", "German", "pt_BR"], "targets": ["tatoeba"]}
    lines = refused(file({**wanted, "data": "hub"}))
    expected = [
        ('"zh-CN"; a code with a region or script; write "zh"'),
        ('"iw"; an old code; write "he"'),
        ('"jav"; a code of ISO 639-3; write "jv"'),
        ('"xx"; has: '),
        ('"de" stands here twice; every language once'),
        ('"German"; a name and no code; write "de"'),
        ('"pt_BR"; a code with a region or script; write "pt"'),
    ]
    for line, said in zip(lines, expected, strict=True):
        hold([line], said, "s.yaml: languages: ")


def test_many_mistakes_are_a_few_lines(file):
    lines = refused(file({f"field{i}": 1 for i in range(500)}))
    assert len(lines) == 21
    assert lines[-1] == "and 480 more such lines"


@pytest.mark.parametrize("command", ["plan", "status", "data check"])
def test_the_commands_leave_with_2_and_one_line(file, command):
    path = file('{"sweep": "\\u001b[2J"}')
    words = [sys.executable, "-m", "sweeps.cli.main", *command.split(), str(path)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    hold(done.stderr.splitlines(), r"sweep: has the control character \x1b", "s.yaml: ")
