"""Workers that fail while they start hold nothing afterwards, and the failure is told, once."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import pytest
import ray
from ray import train
from ray.util.placement_group import placement_group_table

from sweeps.runtime.rendezvous import OneMachine, _OneMachine
from sweeps.runtime.trial import _cause
from sweeps.runtime.workers import StepTrainer


@dataclass
class Harmed(OneMachine):
    """A rendezvous in which one worker raises an error or ends; `starts` is a file that counts them."""

    harm: str = ""
    starts: str = ""

    @property
    def backend_cls(self):
        return HarmedBackend


class HarmedBackend(_OneMachine):
    def on_start(self, worker_group, backend_config):
        with open(backend_config.starts, "a") as file:
            file.write("start\n")
        if backend_config.harm:
            worker_group.execute_single(1, harm, backend_config.harm)
        super().on_start(worker_group, backend_config)


def harm(kind):
    if kind == "dies":
        os._exit(1)
    raise ConnectionError("no route to the first worker")


@pytest.mark.parametrize(("harm", "said"), [("raises", "no route to the first worker"), ("dies", "died while it star")])
def test_what_the_workers_held_is_free_for_the_next_attempt(local_ray, tmp_path, harm, said):
    def fit(kind: str) -> None:
        name = f"attempt-{time.time_ns()}"
        config = Harmed(
            backend="gloo", init_method=f"file://{tmp_path}/meet-{name}", harm=kind, starts=str(tmp_path / "n")
        )
        StepTrainer(
            print,
            torch_config=config,
            # All that there is: a second group finds no place while the first holds its own.
            scaling_config=train.ScalingConfig(num_workers=2, resources_per_worker={"CPU": 1}),
            run_config=train.RunConfig(
                name=name,
                storage_path=str(tmp_path),
                failure_config=train.FailureConfig(controller_failure_limit=2),  # not for ever, where the test fails
            ),
        ).fit()

    with pytest.raises(train.v2.api.exceptions.ControllerError) as failed:
        fit(harm)
    assert said in _cause(failed.value).text
    assert (tmp_path / "n").read_text().count("start") == 1
    held = [group for group in placement_group_table().values() if group["state"] != "REMOVED"]
    assert held == []
    until = time.monotonic() + 60
    while ray.available_resources().get("CPU") != 2.0:
        assert time.monotonic() < until
        time.sleep(0.1)
    fit("")
