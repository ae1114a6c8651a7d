"""Whole sweeps on a real S3 server that is slow, throttles, fails and loses connections: the numbers are those of the
undisturbed sweep, nothing is done twice, nothing is left, and no step asks more than it may.

`make faults` also kills drivers and workers there.
"""

from __future__ import annotations

import random
import re
import uuid

import pytest
import torch

from sweeps.plan.planner import make_plan
from sweeps.spec.reading import read_spec
from tests.faults.s3 import Proxy
from tests.faults.strikes import ends
from tests.faults.sweep import QUICK, WORKER, Sweep
from trainables.steps.run import carry_out
from trainables.store import Leases, Store

pytestmark = pytest.mark.programs
SHARE = 0.05
"""Of the requests that are broken."""


@pytest.fixture
def proxy(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    proxy = Proxy(bucket.url)
    proxy.uri = bucket.uri(uuid.uuid4().hex, proxy.url)
    yield proxy
    proxy.close()


@pytest.fixture
def sweep(proxy, tmp_path):
    sweep = Sweep(tmp_path, proxy.uri, **QUICK)
    yield sweep
    sweep.abandon()


@pytest.mark.deepspeed
def test_a_sweep_without_ray_asks_no_more_than_the_readme_says(undisturbed, sweep, proxy, host):
    """Each step in this process, by the table in trainables/README.md."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the undisturbed one had
    plan = make_plan(read_spec(sweep.file), str(sweep.file))
    with Leases(sweep.store.files, sweep.store.root) as leases, proxy.breaking(SHARE):
        for step in plan.steps.values():
            proxy.forget()
            assert leases.acquire(step.id)
            carry_out(step.recipe, step.execution, Store(proxy.uri, owner=leases.owner), host())
            leases.release(step.id)
            whole = [(what, key) for what, key, fault in proxy.asked if fault in (None, "slow")]
            asked = [(what, key) for what, key in whole if "/owners/" not in key]  # heartbeats
            states = [key for what, key in asked if what == "PUT" and "/states/" in key]
            saves = sum(key.endswith("/state.json") for key in states)
            read = {key.split("/")[2] for what, key in asked if what == "GET" and "/steps/" in key} - {step.id}
            files = {name: len(sweep.store.record(name)["files"]) for name in (step.id, *read)}
            bound = 4 + 2 + 6 + 8 + (saves > 0) + 3 + files.pop(step.id) + (1 + 7) * saves + len(states) - saves
            bound += sum(7 + count for count in files.values())
            assert len(asked) <= bound, (step.id, bound, asked)
            assert len(asked) > bound / 2
    torch.set_num_threads(threads)
    assert sweep.results() == undisturbed.results()


def started(text):
    return sorted(re.findall(r"\d+/\d+  (.+): started", text))


@pytest.mark.ray
@pytest.mark.faults
def test_two_drivers_on_a_store_that_breaks_give_the_undisturbed_numbers(undisturbed, sweep, proxy, tmp_path):
    other = Sweep(tmp_path / "other", proxy.uri, **QUICK)
    try:
        with proxy.breaking(SHARE):
            sweep.start()
            sweep.await_said("steps to do")  # two that start a Ray at once take minutes on a small machine
            other.start()
            codes = sweep.end(), other.end()
    finally:
        other.abandon()
    said = sweep.said() + other.said()
    assert codes == (0, 0), said
    assert sweep.results() == undisturbed.results()
    assert sweep.leftovers() == []
    assert len(started(said)) == len(set(started(said))) == len(sweep.finished()), said
    assert proxy.broken().total() > 10


@pytest.mark.ray
@pytest.mark.faults
@pytest.mark.parametrize("seed", range(3))
def test_processes_of_a_sweep_on_a_store_that_breaks_may_die(undisturbed, sweep, proxy, seed):
    with proxy.breaking(SHARE):
        sweep.start()
        assert sweep.await_state(), sweep.said()
        assert sweep.strike(WORKER), sweep.said()
        sweep.await_said("to be tried again")
        before = sweep.finished()
        ends(9)(sweep, random.Random(seed))
        before |= sweep.finished()
        assert sweep.finish() <= 2, sweep.said()
    assert sweep.results() == undisturbed.results()
    after = sweep.finished()
    assert {step: after[step] for step in before} == before
    assert sweep.leftovers() == []
