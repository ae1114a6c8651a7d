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


def crash():
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


def files(store):
    return {name: store.files.read(store.at(name)) for name in store.files.sizes(store.root)}


@pytest.mark.parametrize("kind", stepper.KINDS)
@pytest.mark.parametrize("place", ["local", "remote", pytest.param("s3", marks=pytest.mark.programs)])
def test_a_fault_at_every_operation(request, tmp_path, monkeypatch, place, kind):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("trainables.store.leases.SEEN", 0.0)

    def uri(name):
        if place == "s3":
            return request.getfixturevalue("bucket").uri(f"{tmp_path.name}-{kind}/{name}")
        return f"{'disk://' if place == 'remote' else ''}{tmp_path / name}"

    def run(name, fault=None, dies_at=None):
        seams = []

        def seam(plain):
            seams.append(stepper.faulty(plain, fault, crash))
            return seams[-1]

        store, error = Store(uri(name), files=seam), None
        try:
            carry_out(store, dies_at)
        except (Crash, StoreError) as caught:
            error = caught
        return seams[0].operations, error

    operations, error = run("undisturbed")
    assert error is None
    expected = files(Store(uri("undisturbed")))
    assert set(expected) == {f"steps/s/{name}" for name in ("record.json", "metrics.json", "model/weights")}
    notes = [
        i for i, (name, path) in enumerate(operations) if name in ("move", "write") and path.endswith("state.json")
    ]
    assert len(operations) > 12
    short = kind == "short write"
    by_half = stepper.HALVES[2 if place == "s3" else 0 :]
    halves = [at for at, (name, _) in enumerate(operations) if name in by_half]
    # Half a write says that it was a whole one: what it has left is seen by whoever comes next.
    ends = [(at, part) for at in halves for part in (None, "a", "ab")]
    for at, dies_at in ends if short else [(at, None) for at in range(len(operations))]:
        _, error = run(f"{at}-{dies_at}", (at, kind), dies_at)
        store = Store(uri(f"{at}-{dies_at}"))
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
        with Leases(store.files, store.root) as leases:
            if store.done("s") and store.check("s") is not None:
                store.reject("s")
            if not store.done("s"):
                carry_out(store)
            clear(store, leases)
        assert files(store) == expected, (at, operations[at], dies_at)
        if place != "s3":  # the server clears its empty directories later
            assert store.files.list(store.at("states")) == []
