"""The store's protocol alone, without any training: a fault of every kind at every operation, in this process.

A step here saves a state, then another, and is done. Whatever strikes: a state that was complete stays until a newer
one is, what is done is whole, and running again ends with the same files as if nothing had been.
"""

from __future__ import annotations

import pytest

from tests.faults import stepper
from trainables.store import Leases, Store, StoreError, clear


class Crash(BaseException):
    """The process dies here: nothing in the program may catch it."""


class Faulty(stepper.Faulty):
    def crash(self):
        raise Crash


def carry_out(store, dies_at=None):
    """A step of three parts, of which a state keeps the first one or two; it may die when such a state is complete."""
    made = store.begin("s")
    state = store.load_state("s")
    parts = (state[1] / state[0]["name"] / "parts").read_text() if state else ""
    if state:
        store.free(state[1])
    for part in "abc"[len(parts) :]:
        parts += part
        if part != "c":
            scratch = store.state_scratch("s")
            (scratch / parts).mkdir(exist_ok=True)
            (scratch / parts / "parts").write_text(parts)
            (scratch / parts / "shard").write_text(part * 1000)
            store.upload_state("s", scratch, parts)
            store.complete_state("s", parts, {})
            if parts == dies_at:
                raise Crash
    (made / "model").mkdir()
    (made / "model" / "weights").write_text(parts * 100)
    (made / "metrics.json").write_text("{}")
    store.commit("s", made, {"result": parts})


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", stepper.KINDS)
@pytest.mark.parametrize("scheme", ["", "disk://"], ids=["local", "remote"])
def test_a_fault_at_every_operation(tmp_path, monkeypatch, scheme, kind):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))

    def run(name, fault=None, dies_at=None):
        seams = []

        def seam(fs):
            seams.append(Faulty(fs, fault))
            return seams[-1]

        store, error = Store(f"{scheme}{tmp_path / name}", files=seam), None
        try:
            carry_out(store, dies_at)
        except (Crash, StoreError) as caught:
            error = caught
        return seams[0].operations, error

    operations, error = run("undisturbed")
    assert error is None
    expected = files(tmp_path / "undisturbed")
    assert set(expected) == {f"steps/s/{name}" for name in ("record.json", "metrics.json", "model/weights")}
    notes = [i for i, (name, path) in enumerate(operations) if name == "move" and path.endswith("state.json")]
    assert len(operations) > 15
    short = kind == "short write"
    halves = [at for at, (name, _) in enumerate(operations) if name in stepper.HALVES]
    # Half a write says that it was a whole one: what it has left is seen by whoever comes next.
    ends = [(at, part) for at in halves for part in (None, "a", "ab")]
    for at, dies_at in ends if short else [(at, None) for at in range(len(operations))]:
        folder = tmp_path / f"{at}-{dies_at}"
        _, error = run(folder.name, (at, kind), dies_at)
        store = Store(f"{scheme}{folder}")
        state = store.load_state("s")
        if state is not None:
            parts = state[0]["name"]
            assert (state[1] / parts / "shard").read_text() == parts[-1] * 1000
            store.free(state[1])
        if not short:
            assert isinstance(error, Crash if kind.startswith("crash") else StoreError)
            # Whatever was complete before the fault is there after it.
            complete = sum(note < at for note in notes)
            assert store.done("s") or len(state[0]["name"] if state else "") >= complete
        with Leases(store.files, store.root, visibility_delay=0) as leases:
            if store.done("s") and store.check("s") is not None:
                store.reject("s")
            if not store.done("s"):
                carry_out(store)
            clear(store, leases)
        assert files(folder) == expected, (at, operations[at], dies_at)
        assert not any(path.is_dir() for path in (*folder.glob("states/*"), *folder.glob("steps/*.*")))
