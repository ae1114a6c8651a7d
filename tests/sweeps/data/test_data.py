"""`xstilts data`: what a sweep needs, fetched from a hub on loopback, and looked at."""

import json
import re
from dataclasses import replace

import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

from sweeps.cli.main import app
from sweeps.data.data import check_all, listed
from sweeps.data.pull import Missing, Puller
from sweeps.plan.planner import make_plan
from sweeps.plan.requirements import requirements_of
from sweeps.spec.reading import WrongSpec, read_spec
from trainables.tasks import all_tasks, get_task
from trainables.tasks.lock import lock_path, read_lock
from trainables.tasks.task import POOL_LANGUAGE

REVISION = "0123456789abcdef0123456789abcdef01234567"
MODEL = {"models": {"m": {"start": "owner/name", "revision": REVISION}}, "training": {"all": {"steps": 1}}}


def question(key, context, answer):
    start = context.index(answer)
    return {"id": key, "question": "?", "context": context, "answers": {"text": [answer], "answer_start": [start]}}


@pytest.fixture
def squad_hub(hub):
    """SQuAD and XQuAD in two languages; a passage of each of them is in training too. And a model."""
    train = [question(f"t{n}", f"passage {n}", "passage") for n in range(3)]
    hub.put("rajpurkar/squad", "plain_text/train-00000-of-00001.parquet", train)
    dev = [question("d", "other", "other"), question("e", "Passage  1", "Passage")]
    hub.put("rajpurkar/squad", "plain_text/validation-00000-of-00001.parquet", dev)
    for language, context in (("en", "new one"), ("el", "passage 2")):
        rows = [question("x", context, context.split()[0])] * 2
        hub.put("google/xquad", f"xquad.{language}/validation-00000-of-00001.parquet", rows)
    hub.files["owner/name"] = {
        "config.json": b'{"model_type": "bert"}',
        "model.safetensors": b"weights",
        "tokenizer.json": b"{}",
        "modeling.py": b"no code",
    }
    hub.pin("owner/name", "main", REVISION)
    return hub


@pytest.fixture
def squad_sweep(sweep_file, squad_hub):
    targets = [{"task": "xquad", "languages": ["en", "el"]}]
    return sweep_file(data="hub", targets=targets, intermediates=["none", "squad"], **MODEL)


def test_needs_are_those_of_the_plan(sweep_file, tmp_path):
    targets = [
        {"task": "bucc2018", "languages": ["zh"]},
        {"task": "lareqa", "languages": ["el"]},
        {"task": "xcopa", "languages": ["qu"]},
        "gen-tags",
    ]
    file = sweep_file(data=str(tmp_path), targets=targets, intermediates=["none", "anli+", "ccg"], **MODEL)
    needs = {(need.task.name, need.split, need.language) for need in requirements_of(read_spec(file), file)}
    trained = {(name, split, "en") for name in ("anli+", "ccg", "lareqa", "siqa", "copa") for split in ("train", "dev")}
    assert needs == trained | {
        ("bucc2018", "test", "zh"),
        ("bucc2018", "dev", "zh"),
        ("lareqa", "test", "el"),
        ("lareqa", "pool", POOL_LANGUAGE),
        ("xcopa", "test", "qu"),
    }


def test_pull_fetches_all_and_pins_it(squad_sweep, squad_hub, monkeypatch):
    spec = read_spec(squad_sweep)
    with pytest.raises(WrongSpec, match="no commit of it is pinned; `xstilts data pull FILE` does that"):
        make_plan(spec, str(squad_sweep))
    found = list(Puller(spec, squad_sweep).pull())
    assert [one.what for one in found] == [
        "rajpurkar/squad plain_text train",
        "rajpurkar/squad plain_text validation",
        "google/xquad xquad.en validation",
        "google/xquad xquad.el validation",
        "owner/name (model)",
    ]
    assert not any(one.before for one in found)
    assert not any("modeling.py" in line for line in squad_hub.asked)
    lock = read_lock(squad_sweep)
    assert lock.revisions == dict.fromkeys(("rajpurkar/squad", "google/xquad"), REVISION)
    assert set(lock.files["google/xquad"]) == set(squad_hub.files["google/xquad"])
    # From here on the network may be gone.
    squad_hub.server.shutdown()
    squad_hub.server.server_close()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    plan = make_plan(spec, str(squad_sweep))
    assert any(REVISION in str(step.recipe) for step in plan.steps.values())
    assert not [one for one in check_all(spec, squad_sweep) if one.problem]


def test_a_model_without_a_tokenizer_is_refused(squad_sweep, squad_hub):
    del squad_hub.files["owner/name"]["tokenizer.json"]
    *_, missing = Puller(read_spec(squad_sweep), squad_sweep).pull()
    assert re.match(r"owner/name at \w+: there is no tokenizer \(tokenizer.json, .*; give a model", missing.line)
    assert not any("model.safetensors" in line for line in squad_hub.asked)


def test_a_model_that_cannot_be_trained_is_refused_before_its_weights_are_fetched(squad_sweep, squad_hub):
    squad_hub.files["owner/name"]["config.json"] = b'{"model_type": "gpt2"}'
    *pulled, missing = Puller(read_spec(squad_sweep), squad_sweep).pull()
    assert len(pulled) == 4
    assert re.fullmatch(r'owner/name is of type "gpt2".*: bert, .*xlm-roberta.*', missing.line)
    assert not any("model.safetensors" in line for line in squad_hub.asked)
    # The configuration is in the cache now, so no plan is made of it.
    with pytest.raises(WrongSpec, match=r'models\.m\.start: owner/name is of type "gpt2"'):
        read_spec(squad_sweep)


def test_a_branch_that_moves_on_changes_nothing_and_a_second_pull_fetches_nothing(squad_sweep, squad_hub):
    spec = read_spec(squad_sweep)
    list(Puller(spec, squad_sweep).pull())
    before = set(make_plan(spec, str(squad_sweep)).steps)
    squad_hub.commits["google/xquad"] = {"main": "f" * 40, REVISION: REVISION}
    squad_hub.asked.clear()
    assert all(one.before for one in Puller(spec, squad_sweep).pull() if "model" not in one.what)
    assert not any("xquad" in line for line in squad_hub.asked)
    assert set(make_plan(spec, str(squad_sweep)).steps) == before


def test_the_sweep_file_goes_before_the_lock(squad_sweep, squad_hub):
    list(Puller(read_spec(squad_sweep), squad_sweep).pull())
    squad_hub.commits["google/xquad"]["e" * 40] = "e" * 40
    spec = read_spec(squad_sweep, [f"revisions={{google/xquad: {'e' * 40}}}"])
    list(Puller(spec, squad_sweep).pull())
    assert read_lock(squad_sweep).revisions["google/xquad"] == "e" * 40


def test_what_the_hub_has_no_longer_as_the_lock_has_it_is_refused(squad_sweep, squad_hub):
    spec = read_spec(squad_sweep)
    list(Puller(spec, squad_sweep).pull())
    text = lock_path(squad_sweep).read_text()
    name = "xquad.el/validation-00000-of-00001.parquet"
    digest = read_lock(squad_sweep).files["google/xquad"][name].sha256
    lock_path(squad_sweep).write_text(text.replace(digest, "0" * 64))
    (missing,) = (one for one in Puller(spec, squad_sweep).pull() if isinstance(one, Missing))
    assert f"{name} has SHA-256 {digest[:12]}, the lock file has 000000000000" in missing.line
    assert read_lock(squad_sweep).files["google/xquad"][name].sha256 == "0" * 64


def test_a_pull_gets_all_that_can_be_had_and_lists_what_cannot(sweep_file, squad_hub):
    targets = [
        {"task": "bucc2018", "languages": ["zh"]},
        {"task": "xquad", "languages": ["el", "en", "hi"]},
    ]
    file = sweep_file(data="hub", targets=targets, intermediates=["none", "ccg", "squad", "qqp"], **MODEL)
    squad_hub.lies["xquad.el/validation-00000-of-00001.parquet"] = b"damaged"
    result = CliRunner().invoke(app, ["data", "pull", str(file)])
    assert result.exit_code == 1
    assert result.stdout.count("pulled, checksum right") == 4  # all but what follows
    lines = [line.removeprefix(f"{file}: ") for line in result.stderr.splitlines()]
    assert all(len(line) <= 300 for line in result.stderr.splitlines())
    assert lines[1].startswith("ccg (train en; dev en): not on the hub; get it (LDC2005T13; files only), put it into")
    assert "(FOLDER/ccgbank/data/AUTO/02) and write data: {all: hub, ccg: FOLDER}" in lines[1]
    assert lines[0].startswith("bucc2018 (test zh; dev zh): not on the hub; get it (comparable.limsi.fr/bucc2018; ")
    assert "FOLDER/bucc2018/zh-en.test.zh" in lines[0]
    assert lines[2].startswith("nyu-mll/glue: cannot look up its branch main (404 Client Error")
    assert lines[3].startswith(
        "google/xquad, xquad.el validation: xquad.el/validation-00000-of-00001.parquet: its SHA-"
    )
    assert lines[4].startswith("google/xquad, xquad.hi validation: there are no files of it that can be read; its data")
    assert lines[5:] == ["4 are here, 5 lines say what is missing; run this again to go on"]
    assert set(read_lock(file).revisions) == {"rajpurkar/squad", "google/xquad"}
    # The next call goes on from there.
    squad_hub.lies.clear()
    squad_hub.put("google/xquad", "xquad.hi/validation-00000-of-00001.parquet", [question("x", "new", "new")])
    rows = [{"question1": "Why?", "question2": "How?", "label": 1, "idx": 7}]
    for split in ("train", "validation"):
        squad_hub.put("nyu-mll/glue", f"qqp/{split}-00000-of-00001.parquet", rows)
    result = CliRunner().invoke(app, ["data", "pull", str(file), "-o", "targets=[xquad]", "-o", "languages=[el,en,hi]"])
    assert result.exit_code == 1
    assert result.stdout.count("was there") == 3
    assert result.stdout.count("pulled, checksum right") == 5
    assert [line.split(" (")[0] for line in result.stderr.splitlines()[:-1]] == [f"{file}: ccg"]


def test_a_hub_that_does_not_answer_is_asked_once(squad_sweep, squad_hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    missing = [one.line for one in Puller(read_spec(squad_sweep), squad_sweep).pull()]
    assert missing[0].startswith("rajpurkar/squad: cannot look up its branch main (")
    assert missing[1:] == ["not tried, because the hub could not be reached: google/xquad, owner/name; run this again"]


def test_a_model_with_pickled_weights_alone_is_refused_with_the_mend(squad_sweep, squad_hub):
    files = squad_hub.files["owner/name"]
    files["pytorch_model.bin"] = files.pop("model.safetensors")
    *pulled, missing = Puller(read_spec(squad_sweep), squad_sweep).pull()
    assert len(pulled) == 4
    assert missing.line == (
        "owner/name at 0123456789ab: its weights are in pytorch_model.bin alone, and model.safetensors alone is read, "
        "as it runs no code; give a revision that has them (often refs/pr/N of the hub page)"
    )
    assert not any("pytorch_model" in line for line in squad_hub.asked)
    del files["config.json"]
    *pulled, missing = Puller(read_spec(squad_sweep), squad_sweep).pull()
    assert "it has no config.json, so it is no model of transformers" in missing.line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"datasets": {"a": 1}}', r"datasets\.a: input should be a mapping"),
        ('{"datasets": {"a": {"revision": 7, "files": {}}}}', r"datasets\.a\.revision: .*found 7"),
        ('{"datasets": {"a": {"revision": "../x", "files": {}}}}', r"datasets\.a\.revision: "),
        ('{"datasets": {"a": {"revision": "m", "files": {"f": {"size": true, "sha256": "0"}}}}}', r"files\.f\.size: "),
        ('{"datasets": {}, "datasets": {}}', r'the key "datasets" stands twice'),
        ("[1, 2", "not valid JSON"),
        ("[1, 2]", "input should be a mapping"),
        ("[" * 5000, "nested"),
        ("", "not valid JSON"),
        ("\x00\x00", "zero bytes"),
    ],
)
def test_a_lock_that_is_none_is_named(squad_sweep, text, said):
    lock_path(squad_sweep).write_text(text)
    with pytest.raises(WrongSpec, match=rf"sweep.lock.json: .*{said}.*; remove it and pull again") as caught:
        make_plan(read_spec(squad_sweep), str(squad_sweep))
    assert len(caught.value.lines) == 1
    assert len(caught.value.lines[0]) <= 300


def test_check_counts_and_finds_what_is_in_training(squad_sweep):
    spec = read_spec(squad_sweep)
    list(Puller(spec, squad_sweep).pull())
    found = {(one.task, one.split, one.language): one for one in check_all(spec, squad_sweep)}
    assert found["squad", "train", "en"].findings.expected == 87_599
    assert found["squad", "train", "en"].findings.rows == 3
    assert found["squad", "dev", "en"].overlap == 1
    greek = found["xquad", "test", "el"]
    assert (greek.overlap, greek.findings.duplicates, greek.findings.labelled) == (2, 1, 2)
    assert found["xquad", "test", "en"].overlap == 0
    assert "ids stand twice" not in str(greek.problems)


def test_check_names_what_makes_rows_unfit(sweep_file, tmp_path):
    (tmp_path / "pawsx").mkdir()
    (tmp_path / "pawsx" / "dev-en.tsv").write_text("a\t\t0\na\t\t0\n")
    (tmp_path / "rows" / "pawsx").mkdir(parents=True)
    row = {"id": "1", "text_a": "x", "text_b": "y", "label": "1"}
    (tmp_path / "rows" / "pawsx" / "train-en.jsonl").write_text(f"{json.dumps(row)}\n" * 2)
    file = sweep_file(data=str(tmp_path), targets=[{"task": "pawsx", "languages": ["de"]}], **MODEL)
    result = CliRunner().invoke(app, ["data", "check", str(file)])
    assert result.exit_code == 1
    assert "pawsx train en: 1 of 2 rows repeat the id of another: all go by their position" in result.output
    assert 'pawsx test de: pawsx: no test rows in "de"' in result.output
    found = json.loads(CliRunner().invoke(app, ["data", "check", str(file), "--json"]).stdout)
    dev = next(one for one in found if one["split"] == "dev")
    assert (dev["findings"]["empty"], dev["findings"]["duplicates"], dev["findings"]["expected"]) == (2, 1, 2000)


def test_a_sweep_of_generated_data_needs_nothing(sweep_file):
    result = CliRunner().invoke(app, ["data", "pull", str(sweep_file())])
    assert result.exit_code == 0
    assert "generated data alone" in result.output


def test_every_task_that_reads_data_is_listed_and_one_without_a_licence_too(register):
    assert {one.task for one in listed()} == {task.name for task in all_tasks() if task.source == "files"}
    register(replace(get_task("xnli"), name="my-nli", licence=None))
    result = CliRunner().invoke(app, ["data", "list", "my-nli"])
    assert result.exit_code == 0
    assert "not stated" in result.output


def test_list():
    result = CliRunner().invoke(app, ["data", "list", "xquad"])
    assert result.exit_code == 0
    assert "test 14,280" in result.output
    assert "CC BY-SA 4.0" in result.output
    shown = json.loads(CliRunner().invoke(app, ["data", "list", "--json", "mlqa", "ccg"]).stdout)
    assert [one["task"] for one in shown] == ["ccg", "mlqa"]
    assert shown[1]["rows"] == {"test": 42_245}
    result = CliRunner().invoke(app, ["data", "list", "weather"])
    assert result.exit_code == 2


def test_check_says_for_which_languages_it_matters_where_a_tag_stands(sweep_file, tmp_path):
    folder = tmp_path / "data" / "udpos"
    folder.mkdir(parents=True)
    for name, words in (("train-en", "the dog"), ("dev-en", "a dog"), ("test-de", "der Hund"), ("test-zh", "北京 是")):
        (folder / f"{name}.tsv").write_text("".join(f"{word}\tNOUN\n" for word in words.split()))
    file = sweep_file(
        data=str(folder.parent), targets=["udpos", "udpos@first-visible"], languages=["de", "zh"], models={"m": "mini"}
    )
    found = {one.language: one.findings.remarks for one in check_all(read_spec(file), file) if one.split == "test"}
    assert not any("space sign" in line for line in found["de"])
    (line,) = (line for line in found["zh"] if "space sign" in line)
    assert re.fullmatch(
        r"\d+ % of the words begin with a bare space sign \(m\), which has their tags, as in the reference, but in "
        r"udpos@first-visible",
        line,
    )


def test_a_licence_that_was_not_accepted_is_a_line_of_pull(squad_sweep, squad_hub):
    squad_hub.gated.add("owner/name")
    done = CliRunner().invoke(app, ["data", "pull", str(squad_sweep)])
    assert done.exit_code == 1
    (line,) = [one for one in done.stderr.splitlines() if "owner/name" in one]
    assert "accept its licence at https://huggingface.co/owner/name, then" in line
    assert len(line) <= 300 + len(str(squad_sweep))


def test_rows_that_stand_in_prompts_are_checked_too(sweep_file, tmp_path):
    row = {"prompt": "Which?", "choices": ["a", "b"], "label": "1", "subject": "anatomy", "parts": ["stem"]}
    for name in ("mmlu/shots-en", "mmmlu/test-sw"):
        file = tmp_path / "rows" / f"{name}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps({**row, "prompt": f"Which of {number}?"}) + "\n" for number in range(3)))
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    decoder = {
        "architecture": {"model_type": "llama", **sizes},
        "tokenizer": {"corpora": ["gen-text"], "vocab_size": 500},
    }
    file = sweep_file(
        models={"m": decoder},
        targets=["mmmlu@few"],
        likelihood={"few": {"shots": 2}},
        languages=["sw"],
        data={"all": str(tmp_path)},
    )
    found = [(one.task, one.split, one.language, one.problems) for one in check_all(read_spec(file), file)]
    assert found == [("mmmlu", "test", "sw", ()), ("mmlu", "shots", "en", ())]
