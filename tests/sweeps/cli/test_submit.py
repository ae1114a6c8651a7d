"""Two hosts with a Ray each, made one cluster by `ray start` with a token; a third that is no node of it. The nodes'
Python has what the project needs and not the project: what is submitted brings it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import ray
import yaml

from tests.cluster.hosts import network, obstacle
from tests.sweeps.conftest import TINY
from trainables.store import Store

pytestmark = [
    pytest.mark.ray,
    pytest.mark.deepspeed,
    pytest.mark.skipif(obstacle() is not None, reason=str(obstacle())),
]

ROOT = Path(__file__).parents[3]
PLANTED = {
    name: f"planted{secrets.token_hex(16)}"
    for name in (
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN",
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "AZURE_STORAGE_KEY",
    )
}
"""Secrets in the environment of every host."""
HELD = '''
"""Trainings take their time for each update while a file is there."""
import os, time
from trainables.steps.kinds.train import Train

class Held:
    def __init__(self, host):
        self.host = host

    def __getattr__(self, name):
        return getattr(self.host, name)

    def should_stop(self):
        if os.path.exists({hold!r}):
            time.sleep(0.2)
        return self.host.should_stop()

run = Train.run
Train.run = lambda self, recipe, execution, store, host: run(self, recipe, execution, store, Held(host))
'''
"""A plug-in, which lies nowhere but on the laptop."""
XSTILTS = (sys.executable, "-m", "sweeps.cli.main")
"""As `xstilts`, of the checkout."""


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """The programs of a Python without the project."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    # A path alone, so that what is installed there in place, as this checkout, stays out.
    (site / "borrowed.pth").write_text(f"{Path(ray.__file__).parents[1]}\n")
    found = subprocess.run((folder / "bin/python3", "-c", "import sweeps"), cwd="/", capture_output=True, text=True)
    assert "No module named 'sweeps'" in found.stderr
    return folder / "bin"


def tls(folder: Path, hosts: list) -> dict[str, str]:
    """The environment in which Ray encrypts, with a certificate for all of these hosts by an authority of their own."""
    names = ",".join(f"IP:{host.address},DNS:{host.name}" for host in hosts)
    (folder / "names").write_text(f"subjectAltName={names},IP:127.0.0.1,DNS:localhost\n")
    key = ("-newkey", "rsa:2048", "-nodes")
    for words in (
        ("req", "-x509", *key, "-days", "30", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt"),
        ("req", *key, "-subj", "/CN=node", "-keyout", "node.key", "-out", "node.csr"),
        ("x509", "-req", "-in", "node.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
         "-extfile", "names", "-out", "node.crt"),
    ):  # fmt: skip
        subprocess.run(("openssl", *words), cwd=folder, check=True, capture_output=True)
    files = {"SERVER_CERT": "node.crt", "SERVER_KEY": "node.key", "CA_CERT": "ca.crt"}
    return {"RAY_USE_TLS": "1", **{f"RAY_TLS_{name}": str(folder / file) for name, file in files.items()}}


class Cluster:
    """A head node, a worker, and a laptop that reaches them; with TLS, where there is OpenSSL."""

    def __init__(self, folder: Path, bare: Path, hosts: list) -> None:
        self.head, self.worker, self.laptop = hosts
        self.folder, self.token = folder, secrets.token_hex(32)
        (folder / "home").mkdir()
        path = f"{bare}{os.pathsep}{os.environ['PATH']}"
        left = ("RAY_", "PYTHON", "XSTILTS", "TMPDIR")  # `TMPDIR`: of a host its own
        kept = {name: value for name, value in os.environ.items() if not name.startswith(left)}
        self.plain = {**kept, "PATH": path, "HOME": str(folder / "home")}
        self.open = {**self.plain, **(tls(folder, hosts) if shutil.which("openssl") else {})}
        self.env = {**self.open, **PLANTED, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token}
        self.last: set[tuple[str, int, str]] = set()
        self.seen: set[str] = set()
        """Command lines of processes."""
        self.dashboard, self.gcs = f"http://{self.head.address}:8265", f"{self.head.address}:6379"

    def ray(self, *words: str) -> tuple[str, ...]:
        return ("python3", "-m", "ray.scripts.scripts", *words)

    def start(self, host, *words: str, env=None) -> subprocess.Popen:
        """`ray start`, whose words go into a file."""
        own = ("--num-cpus=1", "--object-store-memory=100000000", "--disable-usage-stats", "--block")
        command = self.ray("start", *words, f"--node-ip-address={host.address}", *own)
        log = (self.folder / f"{host.name}.log").open("a")
        return host.start(*command, env=env or self.env, stdout=log, stderr=subprocess.STDOUT)

    def said(self, host) -> str:
        return (self.folder / f"{host.name}.log").read_text()

    def look(self) -> None:
        """Keep the command lines of all processes that had the same one at the look before: while a process gives
        itself a title, for microseconds, the kernel may show what lies behind it."""
        hosts = (self.head, self.worker, self.laptop)
        now = {(host.name, *process) for host in hosts for process in host.processes().items()}
        self.seen |= {line for _, _, line in now & self.last}
        self.last = now

    def xstilts(self, *words: str, env=None, **options) -> subprocess.CompletedProcess:
        """A command of the project on the laptop, in a checkout."""
        return self.laptop.run(*XSTILTS, *words, cwd=ROOT, env=env or self.env, **options)


@pytest.fixture(scope="module")
def cluster(bare, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hosts")
    with network(folder, "head", "worker", "laptop") as hosts:
        made = Cluster(folder, bare, hosts)
        made.start(made.head, "--head", f"--dashboard-host={made.head.address}")
        await_(lambda: "Ray runtime started" in made.said(made.head), lambda: made.said(made.head))
        yield made


def await_(holds, said, seconds=600):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, said()
        time.sleep(0.2)


def test_who_has_no_token_or_another_is_refused_in_one_line_and_at_once(cluster):
    stranger = cluster.start(cluster.worker, f"--address={cluster.gcs}", env=cluster.open)  # it takes its time
    wrong = {**cluster.env, "RAY_AUTH_TOKEN": "0" * 64}
    reach = ("python3", "-m", "cluster.reach", cluster.gcs)
    run = ("run", "demo", "-o", f"storage={cluster.folder / 'none'}", "--address")
    submit = ("submit", "demo", "-o", f"storage={cluster.folder / 'none'}", "--address")
    port = cluster.dashboard.replace("8265", "8266")
    secure = cluster.dashboard.replace("http", "https")
    asked = {
        "wants a token: put the token": lambda: cluster.worker.run(*reach, cwd=ROOT, env=cluster.open),
        "refuses the token of RAY_AUTH_TOKEN: put": lambda: cluster.worker.run(*reach, cwd=ROOT, env=wrong),
        f"--address: the Ray cluster at {cluster.gcs} wants a token": lambda: cluster.xstilts(
            *run, cluster.gcs, env=cluster.open
        ),
        "this machine is no node of the Ray cluster": lambda: cluster.xstilts(*run, cluster.gcs),
        "no Ray head: its port is usually 6379": lambda: cluster.xstilts(*run, f"{cluster.head.address}:8265"),
        "wants a token": lambda: cluster.xstilts(*submit, cluster.dashboard, env=cluster.open),
        "refuses the token of RAY_AUTH_TOKEN": lambda: cluster.xstilts(*submit, cluster.dashboard, env=wrong),
        f"no Ray dashboard at {port}": lambda: cluster.xstilts(*submit, port),
        "no Ray dashboard at https://": lambda: cluster.xstilts(*submit, secure),
        "is no address of a Ray dashboard": lambda: cluster.xstilts(*submit, "ray://head:10001"),
    }
    with ThreadPoolExecutor(4) as pool:  # each waits more than it works
        answers = dict(zip(asked, pool.map(lambda ask: ask(), asked.values()), strict=True))
    assert not (cluster.folder / "none").exists()
    for said, answer in answers.items():
        assert answer.returncode == 2, answer
        assert len(answer.stderr.splitlines()) == 1, answer
        (line,) = answer.stderr.splitlines()
        assert said in line
        assert len(line) <= 300
        assert "0" * 64 not in line
    assert cluster.worker.run(*reach, cwd=ROOT, env=cluster.env).returncode == 0
    if "RAY_USE_TLS" in cluster.open:
        plain = cluster.worker.run(*reach, cwd=ROOT, env=cluster.plain)
        assert "; a cluster with TLS wants RAY_USE_TLS=1 here, too" in plain.stderr
    stranger.wait(120)
    assert stranger.returncode != 0
    assert "InvalidAuthToken" in cluster.said(cluster.worker)


def test_a_submitted_sweep_spans_both_hosts_is_stopped_and_goes_on(cluster, here, tmp_path):
    cluster.start(cluster.worker, f"--address={cluster.gcs}")
    hold = tmp_path / "hold"
    hold.touch()
    (tmp_path / "laptop").mkdir()
    (tmp_path / "laptop" / "held.py").write_text(HELD.format(hold=str(hold)))
    model = {key: value for key, value in TINY["models"]["small"].items() if key != "pretrain"}
    fields = {
        **TINY,
        "models": {"small": model},
        "targets": [{"task": "gen-tags", "languages": ["one", "two"]}],
        "training": {"all": {**TINY["training"]["all"], "steps": 120, "evaluate_every": 60}},
        "execution": {"workers": 2, "log_every": 5, "state_every": 5},
        "storage": str(tmp_path / "store"),
        "plugins": ["held"],
    }
    file = tmp_path / "spanning.yaml"
    file.write_text(yaml.safe_dump(fields))
    at = ("--address", cluster.dashboard)
    plugged = {**cluster.env, "PYTHONPATH": str(tmp_path / "laptop")}
    submitted = cluster.xstilts("submit", str(file), *at, "--detach", env=plugged)
    assert submitted.returncode == 0, submitted
    assert "submitted as tiny-" in submitted.stdout

    def log():
        return cluster.xstilts("job", "log", "tiny", "--no-follow", *at).stdout

    again = cluster.xstilts("submit", str(file), *at, env=plugged)
    assert again.returncode == 2
    assert "carries it out already" in again.stderr
    states = tmp_path / "store" / "states"
    await_(lambda: cluster.look() or list(states.glob("*/state.json")), log)
    (training,) = (path.parent.name for path in states.glob("*/state.json"))
    stopped = cluster.xstilts("job", "stop", "tiny", *at)
    assert stopped.returncode == 0, stopped
    assert "tiny: stopped; submitted again, it goes on from here" in stopped.stdout
    assert "stopping: running steps save their state" in log()
    hold.unlink()
    # What is done is not done again, and from where no project is installed.
    command = ("python3", "-m", "sweeps.cli.main", "run", str(file), "-o", "plugins=[]", "--address", "auto")
    with (tmp_path / "there.log").open("w") as told:
        there = cluster.laptop.start(
            *cluster.ray("job", "submit", *at, "--working-dir", str(ROOT), "--", *command),
            env=cluster.env,
            cwd=tmp_path,
            stdout=told,
            stderr=subprocess.STDOUT,
        )
        await_(lambda: cluster.look() or there.poll() is not None, (tmp_path / "there.log").read_text)
    assert there.returncode == 0, (tmp_path / "there.log").read_text()
    alone = tmp_path / "alone"
    alone.mkdir()
    _, _, undisturbed = here({**fields, "plugins": [], "execution": {"log_every": 5}}, alone)
    record = Store(fields["storage"]).record(training)
    assert record["environment"]["host"] in ("head", "worker")
    ours, theirs = (dict(one["result"]["losses"]) for one in (record, undisturbed.record(training)))
    common = sorted(set(ours) & set(theirs))
    assert len(common) >= 20
    assert [ours[at] for at in common] == pytest.approx([theirs[at] for at in common], abs=2e-5)
    _no_secret_is_anywhere(cluster, tmp_path)


def _no_secret_is_anywhere(cluster, folder):
    """Neither in the store, MLflow, report and logs, nor in Ray's files, its jobs, or the command line of a process."""
    request = f"""
import os, urllib.request
headers = {{"Authorization": "Bearer " + os.environ["RAY_AUTH_TOKEN"]}}
print(urllib.request.urlopen(urllib.request.Request("{cluster.dashboard}/api/jobs/", headers=headers)).read().decode())
"""
    jobs = cluster.laptop.run("python3", "-c", request, env=cluster.env).stdout
    assert "RAY_JOB_STOP_WAIT_TIME_S" in jobs  # where a secret would be, too
    assert any("sweeps.cli.main" in line for line in cluster.seen)
    for secret in (*PLANTED.values(), cluster.token):
        assert secret not in jobs
        assert [line for line in cluster.seen if secret in line] == []
        found = subprocess.run(("grep", "-rlF", secret, folder, cluster.folder), capture_output=True, text=True)
        assert found.stdout == ""
    for place in (folder / "store", cluster.folder / "head"):  # that these files are read at all
        assert subprocess.run(("grep", "-rqF", "gen-tags", place)).returncode == 0
