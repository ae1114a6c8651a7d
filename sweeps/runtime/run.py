"""Carry out a plan: one Tuner over its steps, MLflow beside it, the tables at the end.

Running again is resuming: what the store has is not done again, and a step that was cut off goes on from its last
training state. Ctrl-C or SIGTERM asks the running steps to save and leave; a second Ctrl-C leaves at once.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any

from ray.exceptions import RayError

from cluster.connect import connected, nodes_that_stay, ray_logs, ray_session
from sweeps.cost.memory import PlanMemory
from sweeps.plan.saved_plan import save_plan
from sweeps.runtime.display import Display
from sweeps.runtime.preflight import fits, problems
from sweeps.schedule.auto import choose_for
from sweeps.schedule.nodes import NodeShape, said
from sweeps.schedule.retry import RetryPolicy
from sweeps.schedule.scheduler import Schedule
from sweeps.spec.fields import SweepSpec
from sweeps.state.garbage import RAY_FILES
from sweeps.state.inspection import inspect_steps, reject
from sweeps.state.precision import pin
from sweeps.state.selection import Decisions
from sweeps.state.sweep import Sweep
from sweeps.tracking import Tracker
from trainables.store import Leases, Store
from trainables.store.logs import logs_of

PRELOAD = ("trainables.steps.preload", "aiohttp", "fsspec", "jsonschema")
"""What the processes of a local step find imported. Not Ray, which reads its configuration when it is imported: each
process must have its own."""


class NotReady(RuntimeError):
    """The cluster cannot carry out the sweep; `lines` say what stands in the way, and what to do."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class RayFailed(RuntimeError):
    """Ray itself has failed in the middle of a run, as where its head has gone; the message is one line."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"Ray failed ({' '.join(str(error).split())})")


def run_plan(
    sweep: Sweep,
    tracker: Tracker,
    display: Display,
    address: str | None,
    cpus: int | None,
    preflight: bool = True,
    may_grow_to: Sequence[NodeShape] = (),
    steps: Collection[str] | None = None,
) -> Schedule:
    """Carry out what is not done yet. Returns the schedule in its final state.

    Args:
        display: shows a person how it goes.
        address: of a running Ray cluster; None: Ray is started on this machine.
        cpus: of a Ray of this machine; None: all.
        preflight: whether to look at every node of the cluster before anything is started there.
        may_grow_to: nodes that an autoscaling cluster comes to have when steps wait for them; none: it stays as it is.
        steps: that are to be carried out, each with all that it needs and that is not done; None: all of the plan.

    Raises NotReady before anything is started, RayFailed where Ray does not go on.
    """
    spec, plan, store = sweep
    pin(spec, store)
    save_plan(plan, sweep.name, store)
    found = inspect_steps(sweep)
    done, stopped = found.done, found.stopped
    if steps is not None:
        plan = replace(plan, steps={name: step for name, step in plan.steps.items() if name in done or name in steps})
        stopped = {name: one for name, one in stopped.items() if name in plan.steps}
    idle = Schedule(plan, done, (), stopped=stopped)
    if not idle.waiting:
        if len(done) == len(plan.steps):
            display.line(f"{sweep.name}: all {len(done)} steps are done, nothing to train")
        tracker.open()
        return idle
    with Leases(store.files, store.root) as leases:
        for line in (*found.rejected.values(), *found.states.values()):
            display.line(f"{line}: it will be made again", warning=True)
        reject(found.rejected, store, leases)
        tracker.open()
        with connected(address, cpus, PRELOAD) as found_nodes:
            nodes = may_grow_to or [NodeShape(*node) for node in found_nodes]
            estimated, _ = choose_for(plan, store, done | set(stopped), nodes)
            schedule = Schedule(estimated.plan, done, nodes, stopped=stopped)
            wrong = fits(schedule, nodes) or (problems(schedule, store, nodes) if preflight else [])
            if wrong:
                raise NotReady(wrong)
            to_do = f"{len(schedule.waiting)} of {len(plan.steps)} steps to do"
            display.line(f"{to_do} on {said(nodes)}")
            display.line(f"steps print into {logs_of(store)}, Ray into {ray_logs()} while it runs")
            # Nothing of it is read, so it is no file of a remote store.
            scratch = f"{store.uri if store.local else ray_session()}/{RAY_FILES}/{leases.owner}"
            # Where a lost node comes back, a step waits for it; elsewhere it goes on with what is left.
            retries = RetryPolicy(
                nodes=lambda: () if may_grow_to else [NodeShape(*one) for one in nodes_that_stay()],
                held=PlanMemory(plan, store).of_model,
            )
            try:
                _tune(spec, schedule, retries, store, leases, scratch, tracker, display)
            except RayError as error:
                raise RayFailed(error) from error
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return schedule


def _tune(
    spec: SweepSpec,
    schedule: Schedule,
    retries: RetryPolicy,
    store: Store,
    leases: Leases,
    scratch: str,
    tracker: Tracker,
    display: Display,
) -> None:
    # Tune writes a CSV, a JSON and a TensorBoard log for every trial unless told not to.
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # Tune's own table
    from ray import tune
    from ray.tune.execution import class_cache

    from sweeps.runtime.asha import GroupedAsha
    from sweeps.runtime.control import ENDING, start_control
    from sweeps.runtime.lifecycle import StepLifecycle
    from sweeps.runtime.observer import Observer
    from sweeps.runtime.preemption import PreemptionWatch
    from sweeps.runtime.searcher import PlanSearcher
    from sweeps.runtime.trial import driver_resources, run_series
    from sweeps.runtime.unplaced import died_where_unplaced
    from sweeps.runtime.watchdog import Watchdog

    # Tune would write the driver's AWS keys into the command lines of its processes, which have those of their node.
    propagated = {name for name in class_cache.ENV_VARS_TO_PROPAGATE if not name.startswith("AWS_")}
    class_cache.ENV_VARS_TO_PROPAGATE = propagated
    control_name, control = start_control()
    for name in ("ray", "ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with display.watch(schedule) as view, _asking(schedule, lambda: control.stop_all.remote(ENDING), display):
        watchdog = Watchdog(schedule, control, view.say)
        driver = StepLifecycle(store, leases, control_name, scratch, tracker, view, watchdog)
        scheduler = None
        if (asha := spec.early_stopping.asha) is not None:
            scheduler = GroupedAsha(asha, schedule, store, Decisions(store, spec.sweep), control.stop.remote)
        searcher = PlanSearcher(schedule, driver, control.follow.remote, retries)
        preemption = PreemptionWatch(control, retries.preempted, view.say)
        tuner = tune.Tuner(
            tune.with_resources(run_series, driver_resources()),
            tune_config=tune.TuneConfig(search_alg=searcher, scheduler=scheduler, num_samples=-1, reuse_actors=True),
            run_config=tune.RunConfig(
                name=spec.sweep,
                storage_path=scratch,
                verbose=0,
                callbacks=[Observer(schedule, driver, tracker, view, watchdog, preemption)],
            ),
        )
        with died_where_unplaced():
            tuner.fit()


@contextmanager
def _asking(schedule: Schedule, stop_all: Callable[[], Any], display: Display) -> Iterator[None]:
    """On the first SIGINT or SIGTERM ask the running steps to stop; on SIGINT after that leave at once.

    Another SIGTERM says nothing new: Slurm sends it with a notice and again at the end, and whoever cannot wait sends
    SIGKILL.
    """

    def asked(number: int, frame: FrameType | None) -> None:
        if schedule.draining:
            if number == signal.SIGTERM:
                return
            raise KeyboardInterrupt
        schedule.draining = True
        stop_all()
        display.line("stopping: running steps save their state; Ctrl-C leaves at once", warning=True)

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
