"""What was damaged after it was written is found, said in one line, and made again; a full disk is said in one line."""

from __future__ import annotations

import os
import subprocess

import pytest
import torch
from safetensors.torch import load_file

from tests.faults import disk  # noqa: F401  registers disk://
from trainables.recipe.execution import Execution
from trainables.steps.run import carry_out
from trainables.store import HEAD, MODEL, Store, StoreError
from trainables.store.sealed_json import Damaged, seal, unseal


def put(store, step):
    made = store.begin(step)
    (made / "model").mkdir()
    (made / "model" / "file").write_text("weights")
    (made / "empty").write_text("")
    store.commit(step, made, {"result": {"value": 81.25}})


def save_state(store, step, name):
    scratch = store.state_scratch(step)
    (scratch / name).mkdir()
    (scratch / name / "shard").write_text("of weights")
    store.upload_state(step, scratch, name)
    store.complete_state(step, name, {"step": 1})


def truncate(data):
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("record.json", truncate, "not readable as JSON"),
        ("record.json", lambda data: b"", "not readable as JSON"),
        ("record.json", lambda data: b"[1]", r"no note, but \[1\]"),
        ("record.json", lambda data: b"\xff" + data[1:], "not readable as JSON"),
        (
            "record.json",
            lambda data: data.replace(b"81.25", b"91.25"),
            "its content is not what its digest was made of",
        ),
        ("model/file", truncate, "3 bytes, its record lists 7"),
        ("model/file", None, "missing, its record lists 7 bytes"),
        ("empty", lambda data: b"x", "1 bytes, its record lists 0"),
    ],
)
def test_a_damaged_step_is_found_and_made_again(store, name, change, said):
    put(store, "s")
    assert store.check("s") is None
    path = store.at("steps", "s", name)
    if change is None:
        store.files.delete(path)
    else:
        store.files.write(path, change(store.files.read(path)))
    fresh = Store(store.uri)
    with pytest.raises(StoreError, match=said):
        fresh.path("s")
    problem = fresh.check("s")
    assert problem.startswith(f"{path}: ")
    assert "\n" not in problem
    fresh.reject("s")
    assert not fresh.done("s")
    put(fresh, "s")
    assert fresh.check("s") is None


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("state.json", truncate, "not readable as JSON"),
        ("state.json", lambda data: data.replace(b"two", b"one"), "its content is not what its digest was made of"),
        ("two/shard", truncate, "5 bytes, its record lists 10"),
        ("two/shard", None, "missing, its record lists 10 bytes"),
    ],
)
def test_a_damaged_state_is_as_none(store, caplog, name, change, said):
    save_state(store, "s", "one")
    save_state(store, "s", "two")
    assert store.load_state("s")[0]["name"] == "two"
    assert store.check_state("s") is None
    path = store.at("states", "s", name)
    if change is None:
        store.files.delete(path)
    else:
        store.files.write(path, change(store.files.read(path)))
    assert store.check_state("s").startswith(f"{path}: ")
    assert said in store.check_state("s")
    assert store.load_state("s") is None
    store.begin("s")
    assert path in caplog.text
    assert "; the step s starts anew" in caplog.text
    assert store.files.list(store.at("states", "s"), deep=True) == []


def test_a_state_that_is_whole_outlives_the_beginning_of_the_next_attempt_and_its_neighbours_do_not(store):
    save_state(store, "s", "one")
    store.files.write(store.at("states", "s", "two", "shard"), b"cut off while it was written")
    store.begin("s")
    assert sorted(store.files.sizes(store.at("states", "s"))) == ["one/shard", "state.json"]
    assert store.load_state("s")[0]["name"] == "one"


def test_notes_of_earlier_versions_are_taken_as_they_are():
    assert unseal(b'{"result": 1}', "p") == {"result": 1}
    note = {"b": [1.5, None, (2, 3)], "a": {"x": "é"}, "number": 1e-9}
    assert unseal(seal(note), "p") == {**note, "b": [1.5, None, [2, 3]]}
    assert unseal(seal(unseal(seal(note), "p")), "p") == unseal(seal(note), "p")
    with pytest.raises(Damaged, match="p: not readable"):
        unseal(seal(note)[:-1], "p")


def test_failures_are_kept_until_the_step_is_done(store):
    assert store.failure("s") is None
    store.note_failure("s", "Traceback\nValueError: no", attempts=3)
    assert store.failure("s") == {"step": "s", "text": "Traceback\nValueError: no", "attempts": 3}
    store.files.write(store.at("failures", "s.json"), b"{")
    assert store.failure("s") is None
    store.note_failure("s", "again", attempts=4)
    put(store, "s")
    assert store.failure("s") is None


# --- training ------------------------------------------------------------------------------------------------


def weights(store, step):
    return {**load_file(store.path(step) / MODEL / "model.safetensors"), **load_file(store.path(step) / HEAD)}


@pytest.mark.deepspeed
@pytest.mark.parametrize("victim", ["largest", "state.json"])
def test_training_on_a_damaged_state_gives_the_undisturbed_numbers(fresh, tmp_path, host, victim):
    recipe = fresh.train("gen-nli", limit=24, steps=6, evaluate_every=3, batch_size=8, dropout=0.1)
    execution = Execution(log_every=1)
    cut = Store(fresh.store.root)
    assert carry_out(recipe, execution, cut, host(stop_after=4)) is False
    files = [path for path in (tmp_path / "store" / "states" / recipe.id).rglob("*") if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    chosen = largest if victim == "largest" else next(path for path in files if path.name == victim)
    os.truncate(chosen, chosen.stat().st_size // 2)
    assert cut.check_state(recipe.id).startswith(str(chosen))
    assert carry_out(recipe, execution, cut, host()) is True
    found, record = weights(cut, recipe.id), cut.record(recipe.id)["result"]
    cut.reject(recipe.id)
    assert carry_out(recipe, execution, cut, host()) is True
    whole, expected = weights(cut, recipe.id), cut.record(recipe.id)["result"]
    assert all(torch.equal(found[key], whole[key]) for key in whole)
    assert (record["losses"], record["dev"], record["best"]) == (expected["losses"], expected["dev"], expected["best"])


@pytest.mark.deepspeed
def test_training_resumes_on_a_store_that_is_not_local(fresh, tmp_path, host, monkeypatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    recipe = fresh.train("gen-nli", limit=24, steps=6, evaluate_every=3, batch_size=8, dropout=0.1)
    execution = Execution(log_every=1, state_every=2)
    local, remote = fresh.store, Store(f"disk://{tmp_path / 'store'}")
    assert not remote.local
    assert carry_out(recipe, execution, remote, host(stop_after=5)) is False
    assert remote.state_name(recipe.id) == "step-5"
    assert carry_out(recipe, execution, remote, host()) is True
    found = weights(remote, recipe.id)
    local.reject(recipe.id)
    carry_out(recipe, execution, local, host())
    whole = weights(local, recipe.id)
    assert all(torch.equal(found[key], whole[key]) for key in whole)
    copies = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert not [name for name in copies if name.count(".") > 0], "directories of attempts that have ended"


# --- a full disk ---------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1.9 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1900k", "none", folder], capture_output=True).returncode:
        pytest.skip("no right to mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.deepspeed
def test_a_full_disk_is_one_line_and_the_older_state_stays(fresh, small_disk, host):
    import shutil

    recipe = fresh.train("gen-nli", limit=24, steps=6, evaluate_every=6, batch_size=8)
    shutil.copytree(fresh.store.root, small_disk, dirs_exist_ok=True)
    store, execution = Store(str(small_disk)), Execution(log_every=1)
    assert carry_out(recipe, execution, store, host(stop_after=2)) is False
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    (small_disk / "other").write_bytes(b"x" * max(0, free - 100_000))
    with pytest.raises(StoreError) as caught:
        carry_out(recipe, execution, store, host(stop_after=2))
    assert str(caught.value).startswith(str(small_disk))
    assert "the disk is full" in str(caught.value)
    assert "make room (`xstilts gc FILE` frees what no step needs) and run again" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert Store(store.uri).check_state(recipe.id) is None
    assert Store(store.uri).state_name(recipe.id) == "step-2"
    (small_disk / "other").unlink()
    assert carry_out(recipe, execution, Store(store.uri), host()) is True
    carry_out(recipe, execution, fresh.store, host())
    found, whole = weights(store, recipe.id), weights(fresh.store, recipe.id)
    assert all(torch.equal(found[key], whole[key]) for key in whole)


def test_a_record_on_a_full_disk_is_one_line_too(tmp_path, small_disk):
    store = Store(str(small_disk))
    made = store.begin("s")
    (made / "file").write_bytes(b"x")
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "other").write_bytes(b"x" * 2**21)
    with pytest.raises(StoreError, match=r"record\.json\.partial: the disk is full \(0 MiB left\); make room"):
        store.commit("s", made, {"result": {"much": "x" * 10_000}})
    assert not store.done("s")
    (small_disk / "other").unlink()
    store.commit("s", made, {"result": {}})
    assert store.check("s") is None
