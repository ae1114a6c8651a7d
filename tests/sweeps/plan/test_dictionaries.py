"""Dictionaries of code-switching: found, read and known by their content while a sweep is planned; what cannot be."""

from __future__ import annotations

import json
import shutil

import pytest

from sweeps.plan.paths import paths_of
from sweeps.plan.planner import make_plan
from sweeps.report.questions.drops import changed_table
from sweeps.report.study import Study
from sweeps.results.results import Results
from sweeps.spec.reading import WrongSpec, read_spec
from sweeps.state.sweep import Sweep
from tests.conftest import World
from tests.sweeps.pretended import commit
from trainables.data.prepare import load_split
from trainables.generated.languages import lexicon
from trainables.tasks.sources import DataError

TARGET = {"task": "gen-tags", "languages": ["one", "two", "zero"]}
TWIN = {"task": "gen-tags@switched", "languages": ["one", "two", "zero"]}


def dictionary(file, of="two", into="one"):
    words, translations = lexicon(1)[of], lexicon(1)[into]
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(f"{word}\t{translations[one]}\n" for one, word in words.items()), encoding="utf-8")


@pytest.fixture
def muse(tmp_path):
    for of in ("two", "zero"):
        dictionary(tmp_path / "muse" / f"{of}-one.txt", of)
    return tmp_path / "muse"


@pytest.fixture
def planned(sweep_file):
    def plan(dictionaries, **fields):
        how = {"kind": "code-switching", "dictionaries": dictionaries, "into": "one", "strength": 1, **fields}
        file = sweep_file(models=["mini"], targets=[TARGET, TWIN], perturbations={"switched": how})
        spec = read_spec(file)
        return spec, make_plan(spec, str(file))

    return plan


def twin_of(plan):
    (cell,) = (one for one in plan.cells if one.target == "gen-tags@switched")
    return plan.steps[plan.steps[cell.evaluation].recipe.data]


def test_a_dictionary_is_known_by_its_content_and_its_path_reaches_the_steps_that_read_it(planned, muse, tmp_path):
    _, plan = planned(str(muse))
    step = twin_of(plan)
    by_language = {one.language: one.perturbation.dictionaries for one in step.recipe.rows}
    assert by_language["one"] is None  # it is the language that words are switched into
    assert [[one.into for one in by_language[name]] for name in ("two", "zero")] == [["one"], ["one"]]
    files = {str(muse / "two-one.txt"), str(muse / "zero-one.txt")}
    assert set(step.execution.dictionary_paths.values()) == files
    assert files <= set(paths_of([step]))
    clean = [one for one in plan.steps.values() if one is not step and one.kind.group != "prepare"]
    assert not files & set(paths_of(clean))
    assert any("rows in one stay as they are" in line for line in plan.remarks)
    # Elsewhere, under another name, named by pair or by language: the same steps. Other content: others, but the clean.
    moved = tmp_path / "elsewhere"
    shutil.copytree(muse, moved)
    (moved / "zero-one.txt").rename(moved / "other")
    by_pair = {"two-one": str(moved / "two-one.txt"), "zero": str(moved / "other")}
    assert set(planned(by_pair)[1].steps) == set(plan.steps)
    (moved / "other").rename(moved / "zero_one.tsv")
    assert set(planned(str(moved))[1].steps) == set(plan.steps)
    with (moved / "zero_one.tsv").open("a") as file:
        file.write("more mehr\n")
    other = planned(str(moved))[1]
    changed = {step.id, next(one.evaluation for one in plan.cells if one.target == "gen-tags@switched")}
    assert set(plan.steps) - set(other.steps) == changed


def test_rows_are_switched_counted_and_shown_and_a_file_that_changed_is_refused(planned, muse, tmp_path):
    spec, plan = planned({"all": str(muse)})
    step, world = twin_of(plan), World(tmp_path / "world")
    step_id = world.do(step.recipe, step.execution)
    clean = next(one for one in plan.steps.values() if one.recipe.slug == step.recipe.slug and one is not step)
    world.do(clean.recipe, clean.execution)
    words = set(lexicon(1)["one"].values())
    for language in ("one", "two", "zero"):
        before = load_split(world.store, clean.id, f"test-{language}")[1].to_list()
        after = load_split(world.store, step_id, f"test-{language}")[1].to_list()
        others = 0
        for old, new in zip(before, after, strict=True):
            assert (old["id"], old["tags"], len(old["tokens"])) == (new["id"], new["tags"], len(new["tokens"]))
            pairs = [(a, b) for a, b in zip(old["tokens"], new["tokens"], strict=True) if a != b]
            assert {b for _, b in pairs} <= words
            others += len(pairs)
        counted = world.store.record(step_id)["result"][f"test-{language}"]["perturbed"]
        assert counted["words"] == sum(len(row["tokens"]) for row in before)
        assert counted["words_changed"] == others
        assert counted["rows_changed"] == sum(a != b for a, b in zip(before, after, strict=True))
        assert (others > 0) == (language != "one")
    for one in plan.steps.values():
        if not world.store.done(one.id):
            commit(one, plan, world.store)
    results = Results(Sweep(spec, plan, world.store))
    assert set(results.perturbed()) == {"gen-tags@switched"}
    table = changed_table(Study(results), {"gen-tags@switched": "gen-tags"})
    shares = {row[1]: row[-1] for row in table.rows}
    assert shares["one"] == 0 < min(shares["two"], shares["zero"])
    assert changed_table(Study(results), {}) is None
    with (muse / "two-one.txt").open("a") as file:
        file.write("more mehr\n")
    with pytest.raises(DataError, match=r"two-one\.txt: is another file than the plan was made for; plan again"):
        World(tmp_path / "other").do(step.recipe, step.execution)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"into": "four"}, "perturbations.switched.dictionaries: no dictionary one-four"),
        ({"dictionaries": "nowhere"}, "nowhere: is no folder; give one with files such as two-one.txt, or files by p"),
        ({"dictionaries": {"two-one": "MUSE/two-one.txt"}}, "no dictionary zero-one"),
        ({"dictionaries": {"two-one": "nowhere.txt"}}, "nowhere.txt: there is no such file"),
        ({"dictionaries": {"all": "MUSE", "zero-one": "EMPTY"}}, "empty.txt: is empty; expected a word, a tab or"),
        ({"dictionaries": {"all": "MUSE", "zero-one": "WRONG"}}, 'wrong.txt: line 2: is "alone"; expected a word'),
        ({"dictionaries": "TWICE"}, "has two-one.txt and two_one.tsv; name one of them by its pair"),
        (
            {"dictionaries": {"one-two": "x"}},
            'perturbations.switched: dictionaries: "one-two" is no pair into one',
        ),
        (
            {"dictionaries": {"two": "x"}, "into": ["one", "zero"]},
            '"two" is no pair into one, zero',
        ),
        ({"dictionaries": {}}, "perturbations.switched: code-switching needs dictionaries: a folder, or files by pair"),
        ({"dictionaries": ""}, "perturbations.switched.dictionaries.all: is empty"),
        ({"dictionaries": 3}, "perturbations.switched.dictionaries: input should be a mapping"),
        ({"into": "../one"}, "perturbations.switched.into[0]: string should match pattern"),
        ({"into": []}, "perturbations.switched.into: is empty"),
        ({"into": ["one", "one"]}, 'perturbations.switched: into: "one" stands there twice'),
        ({"kind": "ocr", "into": None}, "dictionaries: is of code-switching alone, and has no effect in ocr"),
        ({"kind": "ocr", "dictionaries": {}}, "into: is of code-switching alone, and has no effect in ocr"),
        (
            {"dictionaries": "s3://key:word@b/p"},
            "perturbations.switched.dictionaries: a password stands",
        ),
    ],
)
def test_what_is_no_dictionary_is_said_in_a_line_while_planning(planned, muse, tmp_path, fields, said):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "wrong.txt").write_text("a b\nalone\n")
    shutil.copytree(muse, tmp_path / "twice")
    shutil.copy(muse / "two-one.txt", tmp_path / "twice" / "two_one.tsv")
    names = {"MUSE": "muse", "EMPTY": "empty.txt", "WRONG": "wrong.txt", "TWICE": "twice"}
    written = json.dumps(fields)
    for name, place in names.items():
        written = written.replace(name, str(tmp_path / place))
    with pytest.raises(WrongSpec) as error:
        planned(**{"dictionaries": str(muse), **json.loads(written)})
    lines = error.value.lines
    assert any(said in line for line in lines), lines
    assert all(len(line) <= 300 for line in lines)
