"""`python -m trainables`: what it is given wrongly is one line; the execution beside a recipe is read."""

from __future__ import annotations

import json

import pytest

from trainables.__main__ import main
from trainables.recipe.recipes import TokenizerRecipe
from trainables.recipe.tasks import Corpus

NO_STORE = "/proc/none"


@pytest.fixture
def given(world, tmp_path, monkeypatch):
    """A recipe that a plan has written, and what calls the program on it."""
    corpus = Corpus(task=world.spec("gen-text"), rows=world.rows("gen-text", "train", "one"))
    recipe = TokenizerRecipe(corpora=(corpus,), vocab_size=500)
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(recipe.model_dump(mode="json")))
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)

    def call(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["trainables", *words])
        return main()

    return file, call


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("", [], "recipe.json: line 1: not valid JSON"),
        ("[1]", [], "recipe.json: [1] is no recipe"),
        ("{}", [], 'recipe.json: kind: there is no kind of step "None"'),
        ('{"kind": "train", "seed": 1}', [], "recipe.json: tasks: this field is missing"),
        ('{"kind": "data", "kind": "data"}', [], 'the key "kind" stands twice'),
        ("[" * 5000, [], "nested"),
        ("\udcff", [], "is not UTF-8"),
        (None, ["-x", "workers"], "-x workers: write it as -x field=value"),
        (None, ["-x", "workers=true"], "workers: input should be a valid integer (found true)"),
        (None, ["-x", "workers=[1"], "-x workers: line 1: not valid YAML"),
        (None, ["-x", "worker=1"], 'worker: unknown field; did you mean "workers"?'),
        (None, ["-x", "plugins=[no_such_module]"], "the plug-in no_such_module cannot be imported"),
        (None, ["--execution", "/nowhere.json"], "/nowhere.json: there is no such file"),
        (None, ["--store", "http://host/x"], "nothing can be written to http"),
        (None, ["--store", NO_STORE], "/proc/none"),
    ],
)
def test_a_wrong_request_is_one_line(given, capsys, text, words, said):
    file, call = given
    if text is not None:
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert call(str(file), *([] if "--store" in words else ["--store", NO_STORE]), *words) == 2
    hold(capsys, said)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"RANK": "first"}, 'RANK: "first" in the environment is no whole number'),
        ({"RANK": "-1"}, 'RANK: "-1" in the environment is no whole number'),
        ({"RANK": "9" * 400}, "in the environment is no whole number"),
        ({"RANK": "2"}, "RANK: 2 in the environment, of 1 (WORLD_SIZE)"),
        ({"WORLD_SIZE": "two"}, 'WORLD_SIZE: "two"'),
        ({"WORLD_SIZE": "2"}, "the execution asks for 1, and torchrun (WORLD_SIZE) started 2"),
    ],
)
def test_a_wrong_environment_is_one_line(given, capsys, monkeypatch, variables, said):
    file, call = given
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    assert call(str(file), "--store", NO_STORE) == 2
    hold(capsys, said)


def test_the_execution_beside_a_recipe_is_read_and_options_go_before_it(given, capsys):
    file, call = given
    beside = file.with_suffix(".execution.json")
    beside.write_text('{"workers": 2, "log_every": true}')
    assert call(str(file), "--store", NO_STORE) == 2
    hold(capsys, f"{beside}: log_every: input should be a valid integer (found true)")
    assert call(str(file), "--store", NO_STORE, "-x", "log_every=no") == 2
    hold(capsys, 'log_every: input should be a valid integer (found "no")')


def hold(capsys, said):
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert len(line) <= 300
    assert line.isprintable()
