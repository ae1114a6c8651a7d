"""The store: a half-written step is never a whole one; other file systems than the local one."""

from __future__ import annotations

import json

import pytest

from trainables.steps import StepRecord
from trainables.store import RECORD, Store, StoreError
from trainables.store.local import cache_dir


def put(store, step, text="weights"):
    made = store.begin(step)
    (made / "model").mkdir()
    (made / "model" / "file").write_text(text)
    store.commit(step, made, {"result": {"value": 1}})


def test_a_committed_step_reads_back(store):
    store.check_writable()
    assert not store.done("s")
    put(store, "s")
    assert store.done("s")
    record = store.record("s")
    assert record["result"] == {"value": 1}
    assert record["files"] == {"model/file": 7}
    assert (store.path("s") / "model" / "file").read_text() == "weights"


def test_a_half_written_step_is_not_done_and_leaves_nothing_behind(store):
    made = store.begin("s")
    (made / "old").write_text("half")
    assert not store.done("s")
    with pytest.raises(StoreError, match="not done; run the step s first"):
        store.path("s")
    put(store, "s")
    assert not (store.path("s") / "old").exists()


def test_a_record_under_its_partial_name_does_not_count(tmp_path):
    store = Store(str(tmp_path))
    made = store.begin("s")
    (made / f"{RECORD}.partial").write_text("{}")
    assert not store.done("s")


def test_a_damaged_record_says_what_to_do(tmp_path):
    store = Store(str(tmp_path))
    put(store, "s")
    (tmp_path / "steps" / "s" / RECORD).write_text('{"half": ')
    with pytest.raises(StoreError, match="delete it and run again"):
        store.record("s")


def test_training_state_goes_when_the_step_is_done(store):
    assert store.load_state("s") is None
    for step in (1, 2):
        scratch = store.state_scratch("s")
        (scratch / f"step-{step}").mkdir()
        (scratch / f"step-{step}" / "shard").write_text(str(step))
        store.upload_state("s", scratch, f"step-{step}")
        if step == 1:
            assert store.load_state("s") is None  # not complete yet
        store.complete_state("s", f"step-{step}", {"step": step})
    note, directory = store.load_state("s")
    assert note == {"step": 2, "name": "step-2", "files": {"shard": 1}}
    assert (directory / "step-2" / "shard").read_text() == "2"
    assert not (directory / "step-1").exists()
    put(store, "s")
    assert store.load_state("s") is None


def test_a_store_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file is a file, and no folder"):
        Store(str(tmp_path / "file" / "store")).check_writable()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store("nosuchscheme://bucket/x")


@pytest.mark.parametrize(
    "note",
    [
        "{}",
        "[1",
        "[1]",
        "[" * 5000,
        '{"files": 3}',
        '{"files": {"f": "x"}}',
        "\udcff\udcfe",
        '{"digest": 3, "files": {}}',
    ],
)
def test_a_record_that_is_none_is_found_in_one_line(store, tmp_path, note):
    put(store, "s")
    store.files.write(store.at("steps", "s", RECORD), note.encode("utf-8", "surrogateescape"))
    problem = store.check("s")
    assert problem.startswith(store.at("steps", "s"))
    assert "\n" not in problem


def test_a_record_of_other_fields_is_one_line_with_the_mend(store):
    put(store, "s")
    store.files.write(store.at("steps", "s", RECORD), b'{"files": {"model/file": 7}, "recipe": 3}')
    assert store.check("s") is None
    with pytest.raises(StoreError, match=r"recipe: input should be a mapping of fields \(found 3\); delete it and run"):
        StepRecord.of(store, "s")


@pytest.mark.parametrize("place", ["FILE", "FILE/below", "~nobody-at-all/x", "", "/proc/none"])
def test_a_cache_that_cannot_be_is_named(tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XSTILTS_CACHE", place.replace("FILE", str(tmp_path / "file")))
    with pytest.raises(
        StoreError, match=r"^XSTILTS_CACHE: no copies can be kept there \(.*\); set it to another folder$"
    ):
        cache_dir()


def test_records_are_plain_json(tmp_path):
    store = Store(str(tmp_path))
    put(store, "s")
    assert json.loads((tmp_path / "steps" / "s" / RECORD).read_text())["step"] == "s"
