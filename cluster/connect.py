"""Connect to Ray: to a running cluster by address, or to one of this process's own on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import ray
from ray._private import ray_constants
from ray._private.resource_and_label_spec import ResourceAndLabelSpec
from ray.exceptions import RayError

from cluster.local import fork_server, janitor
from cluster.needs import SAFE
from cluster.reach import Unreachable, check_reachable

ENVIRONMENT = {
    # The controller polls its workers; at the default of 2 s, each report of a worker takes that long.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "RAY_WARN_BLOCKING_GET_INSIDE_ASYNC": "0",
    # What a worker prints is printed, and so goes where the worker wants it (a step's log), not into Ray's files.
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    # The sweep itself looks for nodes that are taken away; this would be a process more for every training step.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
}
"""For every process of the job. That Ray Train adds no variable of its own to these lets Ray give its controller and
workers processes that are already started."""
LOCAL = {
    # Else workers talk over whichever interface the machine's name belongs to.
    **({"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}),
}


GPU_TYPE = "accelerator_type:"
"""What a node's resource begins with that says what GPUs it has."""


class Node(NamedTuple):
    """What a node can hold at once."""

    cpus: float
    gpus: float = 0
    memory: float = 0
    """Bytes that Ray has for tasks and actors."""
    gpu_type: str = ""
    """As Ray names it; empty where it does not."""


class NotStarted(RuntimeError):
    """Ray does not start on this machine; the message is one line."""


@contextmanager
def connected(address: str | None, cpus: int | None = None, preload: Sequence[str] = ()) -> Iterator[tuple[Node, ...]]:
    """Connect for the duration of the block; gives the nodes of the cluster.

    Args:
        address: of a running cluster (`auto`, `host:port`) that this machine is a node of; None starts Ray on this
            machine, with the dashboard on loopback (Ray frees a stopped trial's resources through it).
        cpus: of the local Ray; by default all there are.
        preload: modules that the workers of a local Ray find imported, see `cluster.local.fork_server`.

    Raises Unreachable where no cluster answers at `address`, or it refuses this process (`cluster.reach`), and
    NotStarted where Ray does not start here.
    """
    if ray.is_initialized():  # whoever connected this process keeps it connected
        yield nodes_that_stay()
        return
    environment = {**ENVIRONMENT, **({} if address else LOCAL)}
    os.environ.update(environment)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    quiet["runtime_env"] = {"env_vars": environment}
    with contextlib.ExitStack() as stack:
        if address is None or address.startswith(("127.0.0.1:", "localhost:")):
            stack.enter_context(_on_loopback())
        if address is not None:
            check_reachable(address)
            try:
                ray.init(address=address, **quiet)
            except (OSError, ValueError, RuntimeError, RayError) as error:  # another version of Ray or Python, for one
                said = " ".join(str(error).split())
                raise Unreachable(f"the Ray cluster at {address} cannot be used ({said})") from None
        else:
            stack.push(_started_here(cpus, preload, quiet))
        stack.callback(ray.shutdown)
        yield nodes_that_stay()


def _started_here(cpus: int | None, preload: Sequence[str], options: dict[str, Any]) -> contextlib.ExitStack:
    """Start Ray on this machine; what ends it again. Ray gives its processes 30 seconds to appear, too little on a busy
    machine, so it is tried again. Raises NotStarted."""
    for last in (False, False, True):
        with contextlib.ExitStack() as trial:
            folder = trial.enter_context(janitor.cleaned_up())
            runtime_env = dict(options["runtime_env"])
            if preload:
                runtime_env["py_executable"] = trial.enter_context(_fork_server(folder, preload))
            try:
                ray.init(
                    num_cpus=cpus,
                    resources={SAFE: 1000},  # where other nodes join it, they may go again; this one cannot
                    include_dashboard=True,
                    dashboard_host="127.0.0.1",
                    _temp_dir=folder,
                    **{**options, "runtime_env": runtime_env},
                )
                return trial.pop_all()
            except Exception as error:  # Ray's own has no class
                if last:
                    said = " ".join(str(error).split())
                    raise NotStarted(f"Ray does not start on this machine ({said}): see what else runs here") from None
    raise AssertionError


def on_safe_node() -> dict[str, float]:
    """What a process that drives steps asks for, so that Ray puts it on a node that nobody takes away."""
    return {SAFE: 0.001} if SAFE in ray.cluster_resources() else {}


def ray_logs() -> str:
    """Where Ray's own processes write what they have to say, on each machine; a local Ray's is gone with it."""
    return f"{ray.get_runtime_context().get_temp_dir()}/session_latest/logs"


def ray_session() -> str:
    """Ray's own folder for this session, the same on each machine, and gone with Ray's other files."""
    return os.path.realpath(f"{ray.get_runtime_context().get_temp_dir()}/session_latest")


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Have Ray listen on loopback alone. It does so by itself on macOS and Windows, by this switch, so that no firewall
    asks; on Linux it listens on every interface otherwise, whatever address it is given."""
    switch, before = ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR, ray_constants.ENABLE_RAY_CLUSTER
    os.environ[switch], ray_constants.ENABLE_RAY_CLUSTER = "0", False  # for Ray's processes, and for this one
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
        del os.environ[switch]


@contextmanager
def _fork_server(folder: str, modules: Sequence[str]) -> Iterator[str]:
    """A fork server for the duration of the block; the command that starts a Python script as a fork of it."""
    path = os.path.join(folder, "forks")
    server = subprocess.Popen(
        [sys.executable, fork_server.__file__, "serve", path, *modules],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"{sys.executable} -S -E {fork_server.__file__} start {path}"
    finally:
        assert server.stdin is not None
        server.stdin.close()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:  # it has not imported everything yet, so there are no forks of it
            server.kill()
            server.wait()


def draining() -> list[str]:
    """The ids of nodes that are being taken away: Ray places nothing there any more."""
    return sorted(ray._private.state.state.get_draining_nodes())


def nodes_that_stay() -> tuple[Node, ...]:
    """What the nodes of the cluster can hold at once, without those that are being taken away."""
    leaving = draining()
    return tuple(_node(node["Resources"]) for node in ray.nodes() if node["Alive"] and node["NodeID"] not in leaving)


def nodes_at_hand(cpus: int | None = None) -> tuple[Node, ...]:
    """What the nodes can hold that this process is connected to or, without Ray, the one that `connected` would start
    on this machine with so many CPUs (None: all)."""
    if ray.is_initialized():
        return nodes_that_stay()
    here = ResourceAndLabelSpec(num_cpus=cpus).resolve(is_head=True, node_ip_address="127.0.0.1")
    return (_node(here.to_resource_dict()),)


def _node(resources: dict[str, float]) -> Node:
    types = [name.removeprefix(GPU_TYPE) for name in resources if name.startswith(GPU_TYPE)]
    cpus, gpus, memory = (resources.get(name, 0) for name in ("CPU", "GPU", "memory"))
    return Node(cpus, gpus, memory, types[0] if types else "")
