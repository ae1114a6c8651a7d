"""The tracking server that ships, with real parts: a sweep goes through it, and whoever has no name gets nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import boto3
import pytest
import requests
import yaml
from mlflow import MlflowClient, MlflowException

from sweeps.schedule.states import StepState
from sweeps.state.selection import champions
from sweeps.state.sweep import Sweep
from sweeps.tracking import Tracker
from tests.sweeps.conftest import TINY
from tests.sweeps.tracked import carry_out, commit, dump, opened, report
from tests.sweeps.tracking.servers import ADMIN, COMPOSE, SECRETS, SHIPPED, Guarded, Postgres, Seaweed, keys, missing

LONG = 120.0
USERS = {name: f"of-the-{name}-user-4417" for name in ("driver", "reader", "second", "stranger")}
USERS[ADMIN] = SECRETS["MLFLOW_AUTH_ADMIN_PASSWORD"]


@contextmanager
def signed_in(name, password=None):
    """What a client has in its environment; None: nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", *keys()):
            patch.delenv(variable, raising=False)
        if name is not None:
            patch.setenv("MLFLOW_TRACKING_USERNAME", name)
            patch.setenv("MLFLOW_TRACKING_PASSWORD", password or USERS[name])
        yield


class Stack:
    """The three servers, and the users."""

    def __init__(self, root):
        for name in ("store", "mlflow"):
            (root / name).mkdir()
        self.store = Seaweed(root / "store")
        self.database = Postgres()
        self.mlflow = Guarded(root / "mlflow", self.database, self.store)

    def start(self):
        self.store.begin()
        self.database.make()
        self.store.wait()
        self.mlflow.start()
        for name in set(USERS) - {ADMIN}:
            self.ask("POST", "/api/2.0/mlflow/users/create", json={"username": name, "password": USERS[name]})

    def ask(self, method, path, user=ADMIN, **words):
        answer = requests.request(method, self.mlflow.url + path, auth=(user, USERS[user]), timeout=30, **words)
        assert answer.ok, answer.text
        return answer

    def grant(self, user, experiment, permission):
        grant = {"username": user, "resource_type": "experiment", "resource_id": experiment, "permission": permission}
        self.ask("POST", "/api/3.0/mlflow/users/permissions/grant", json=grant)

    def bucket(self):
        """What lies in the bucket: size by name."""
        client = boto3.client("s3", endpoint_url=self.store.url, region_name="us-east-1", **_aws())
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="mlflow")
        return {one["Key"]: one["Size"] for page in pages for one in page.get("Contents", ())}

    def kill(self):
        for server in (self.mlflow, self.store, self.database):
            server.kill()
        shutil.rmtree(self.database.folder)


def _aws():
    return {
        "aws_access_key_id": SECRETS["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": SECRETS["AWS_SECRET_ACCESS_KEY"],
    }


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    if lacking := missing():
        pytest.skip(f"not installed: {', '.join(lacking)}")
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.start()
        yield stack
    finally:
        stack.kill()


def sweep(root, name, tracking):
    """Spec, plan and store of the tiny sweep."""
    file = root / f"{name}.yaml"
    file.write_text(yaml.safe_dump({**TINY, "sweep": name, "storage": str(root / name), "tracking": tracking}))
    return opened(file)


def tell(spec, plan, store, results, lines=None, cut=None):
    """Carry out a sweep; its tracker. In the middle, `cut` is away."""
    steps = list(plan.steps.values())
    training = next(step for step in steps[len(steps) // 2 :] if step.kind.group == "train")
    half = steps.index(training)
    with Tracker(Sweep(spec, plan, store), (lines if lines is not None else []).append) as tracker:
        tracker.open()
        for step in steps[:half]:
            carry_out(step, tracker, store)
        tracker.begin(training)
        tracker.progress(training, report(5))
        if cut is not None:
            assert tracker.wait(LONG)
            cut.kill()
        tracker.progress(training, report(10, begin=5))
        commit(training, store)
        tracker.finish(training, StepState.DONE)
        for step in steps[half + 1 :]:
            carry_out(step, tracker, store)
        tracker.table(results, {"average/none": 40.0})
        tracker.champions(champions(plan, store))
        if cut is not None:
            assert not tracker.wait(1.0)
            cut.start()
            for _ in range(12):  # of one that was away a driver asks a few seconds' patience, and a busy machine more
                if tracker.wait(LONG):
                    break
        assert tracker.close("FINISHED", LONG)
    return tracker


def through(stack, root, cut, name="whole"):
    """The same sweep with a local file, and through the server, of which `cut` is killed in the middle."""
    results = root / "results"
    results.mkdir()
    (results / "report.html").write_text("<p>a report</p>")
    spec, plan, store = sweep(root, name, f"sqlite:///{root / 'local.db'}")
    tell(spec, plan, store, results)
    local = dump(spec, store)
    shutil.rmtree(store.root)
    lines = []
    with signed_in("driver"):
        spec, plan, store = sweep(root, name, stack.mlflow.url)
        tracker = tell(spec, plan, store, results, lines, cut)
        return spec, plan, store, tracker, local, dump(spec, store), lines


@pytest.fixture(scope="module")
def told(stack, tmp_path_factory):
    return through(stack, tmp_path_factory.mktemp("told"), stack.mlflow)


def test_a_sweep_whose_server_is_killed_equals_one_in_a_local_file(told):
    _, plan, _, tracker, local, remote, lines = told
    assert len(remote) == len(plan.steps) + 2  # the sweep's own, and the champions
    assert set(remote["champions"]) == {"whole.gen-tags"}
    assert remote == local
    assert ["does not answer" in line for line in lines] == [True, False]
    assert not list(tracker.folder.iterdir())


@pytest.mark.faults
@pytest.mark.parametrize("part", ["database", "store"])
def test_a_part_that_is_killed_costs_nothing_either(stack, part, tmp_path):
    _, plan, _, tracker, local, remote, lines = through(stack, tmp_path, getattr(stack, part), part)
    assert len(remote) == len(plan.steps) + 2
    assert remote == local
    assert ["does not answer" in line for line in lines] == [True, False]
    assert not list(tracker.folder.iterdir())


def test_artifacts_lie_in_the_bucket_and_drivers_have_no_key_to_it(stack, told, tmp_path):
    spec, plan, _, tracker, *_ = told
    found = stack.bucket()
    for step in plan.steps.values():
        if step.kind.group == "evaluate":
            run = f"{tracker.experiment}/{tracker.run_of(step)}/artifacts"
            for language in step.recipe.languages:
                assert found[f"{run}/predictions/{language}.jsonl"] == len('{"id": "1"}\n')
    assert f"{tracker.experiment}/{tracker.parent}/artifacts/results/report.html" in found
    assert requests.get(f"{stack.store.url}/mlflow", timeout=10).status_code == 403
    with signed_in("driver"):
        client = MlflowClient(spec.tracking_uri)
        assert not set(keys()) & set(os.environ)
        assert client.get_run(tracker.parent).info.artifact_uri.startswith("mlflow-artifacts:/")
        got = client.download_artifacts(tracker.parent, "results/report.html", str(tmp_path))
    assert Path(got).read_text() == "<p>a report</p>"


def routes():
    """All that MLflow's server answers to, as method and path."""
    from mlflow.server import app
    from mlflow.server.auth import routes as of_users
    from mlflow.server.fastapi_app import create_fastapi_app

    found = {(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods}
    for route in create_fastapi_app(app).routes:
        found |= {(method, route.path) for method in getattr(route, "methods", None) or ()}
    found |= {("POST", path) for path in vars(of_users).values() if isinstance(path, str) and path.startswith("/")}
    taken = {(method, re.sub(r"<[^>]*>|\{[^}]*\}", "1", path)) for method, path in found}
    return sorted(one for one in taken if one[0] not in ("HEAD", "OPTIONS"))


OPEN = {"/health", "/static-files/1", "/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info"}
"""What anybody may have: whether it is up, its page's scripts, and what kind of server it is."""


def test_without_a_name_and_password_there_is_nothing(stack, told):
    url, asked = stack.mlflow.url, routes()
    assert len(asked) > 200
    for part in ("runs/search", "mlflow-artifacts/artifacts", "registered-models/search", "logged-models", "graphql"):
        assert any(part in path for _, path in asked), part
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: requests.request(one[0], url + one[1], json={}, timeout=30), asked))
    refused = {one: answer.status_code for one, answer in zip(asked, answers, strict=True) if one[1] not in OPEN}
    assert {one: status for one, status in refused.items() if status != 401} == {}


def test_a_wrong_password_and_a_wrong_host_are_refused(stack, told):
    tracker, url = told[3], stack.mlflow.url
    for path in (
        f"/api/2.0/mlflow/runs/get?run_id={tracker.parent}",
        f"/api/2.0/mlflow-artifacts/artifacts/{tracker.experiment}/{tracker.parent}/artifacts/sweep.json",
        "/api/2.0/mlflow/registered-models/search",
    ):
        assert requests.get(url + path, auth=("driver", USERS["driver"]), timeout=30).ok
        assert requests.get(url + path, auth=("driver", "another"), timeout=30).status_code == 401
        assert requests.get(url + path, auth=("nobody", USERS["driver"]), timeout=30).status_code == 401
        host = {"Host": "elsewhere.example.org"}
        answer = requests.get(url + path, auth=("driver", USERS["driver"]), headers=host, timeout=30)
        assert answer.status_code == 403
        assert "Invalid Host header" in answer.text


def test_who_has_no_permission_sees_no_sweep_and_who_may_read_changes_none(stack, told):
    spec, _, _, tracker, *_ = told
    client = MlflowClient(spec.tracking_uri)
    stack.grant("reader", tracker.experiment, "READ")
    with signed_in("stranger"):
        assert tracker.experiment not in [one.experiment_id for one in client.search_experiments()]
        assert client.search_runs([tracker.experiment]) == []
        assert client.search_registered_models() == []
        for attempt in (
            lambda: client.get_run(tracker.parent),
            lambda: client.list_artifacts(tracker.parent),
            lambda: client.get_experiment(tracker.experiment),
            lambda: client.log_metric(tracker.parent, "mine", 1.0),
            lambda: client.get_metric_history(tracker.parent, "average/none"),
        ):
            with pytest.raises(MlflowException, match=r"403|PERMISSION_DENIED"):
                attempt()
        query = {
            "query": f'{{ mlflowGetRun(input: {{runId: "{tracker.parent}"}}) {{ run {{ info {{ runName }} }} }} }}'
        }
        answer = requests.post(
            f"{stack.mlflow.url}/graphql", json=query, auth=("stranger", USERS["stranger"]), timeout=30
        )
        assert "whole" not in answer.text
    with signed_in("reader"):
        assert client.get_run(tracker.parent).info.run_name == "whole"
        assert "sweep.json" in [one.path for one in client.list_artifacts(tracker.parent)]
        with pytest.raises(MlflowException, match=r"403|PERMISSION_DENIED"):
            client.log_metric(tracker.parent, "mine", 1.0)


def test_a_driver_that_is_not_let_in_is_told_what_to_do_and_loses_nothing(stack, told, tmp_path):
    spec, plan, store = sweep(tmp_path, "whole", stack.mlflow.url)
    first, *_ = plan.steps.values()
    for user, password, line in (
        (None, None, "wants to know who asks: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        ("second", "wrong-password-1", "does not take the password of second: see MLFLOW_TRACKING_USERNAME"),
        ("second", None, "does not let second write here: an admin has to grant EDIT on the experiment"),
        ("reader", None, "does not let reader write here"),
    ):
        lines = []
        with signed_in(user, password), Tracker(Sweep(spec, plan, store), lines.append) as tracker:
            tracker.begin(first)
            for _ in range(300):
                if lines:
                    break
                time.sleep(0.1)
            assert not tracker.close("KILLED", 0.5)
        assert len(lines) == 2, lines
        assert line in lines[0]
        assert "xstilts track, sends them" in lines[1]
        assert not any(secret in " ".join(lines) for secret in ("wrong-password-1", *USERS.values()))
    stack.grant("second", told[3].experiment, "EDIT")
    with signed_in("second"), Tracker(Sweep(spec, plan, store), lines.append) as tracker:
        trained = next(step for step in plan.steps.values() if step.tags.get("phase") == "target")
        for step in (trained, next(step for step in plan.steps.values() if trained.id in step.needs)):
            carry_out(step, tracker, store)
        lines.clear()
        tracker.champions(champions(plan, store))  # a model of this name is another user's
        assert tracker.close("KILLED", LONG)
        assert MlflowClient(spec.tracking_uri).get_run(tracker.run_of(first)).info.status == "KILLED"
    assert ["takes no word of champion" in line and "403" in line for line in lines] == [True], lines
    assert not list(tracker.folder.iterdir())


def test_no_secret_is_on_a_command_line_in_a_log_or_in_a_database(stack, told):
    commands = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # ended meanwhile
            commands.append(process.read_text(errors="replace"))
    logs = [(server.folder / "server.log").read_text() for server in (stack.mlflow, stack.database)]
    rows = [line for name in ("mlflow", "auth") for line in stack.database.content(name)]
    assert any("basic-auth" in text for text in commands)
    for secret in {**SECRETS, **USERS}.values():
        assert not any(secret in text for text in (*commands, *logs, *rows))


def lines_of(heading):
    """The commands under a heading of the README."""
    section = (SHIPPED / "README.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return block.splitlines()


STAND_IN = """#!{python}
# docker compose (exec|run) OPTIONS SERVICE COMMAND: the command itself, with what it would find in the service.
import os, sys
environments = {environments}
at = next(at for at, word in enumerate(sys.argv) if word in environments)
command = [os.getcwd() + word if word.startswith("/backup/") else word for word in sys.argv[at + 1 :]]
os.execvpe(command[0], command, {{"PATH": os.environ["PATH"], **environments[sys.argv[at]]}})
"""


def follow(lines, stack, folder):
    """Do what the README says, without containers."""
    rclone = COMPOSE["mlflow"]["environment"]
    rclone = {name: text for name, text in rclone.items() if name.startswith("RCLONE_")}
    rclone |= {"RCLONE_CONFIG_STORE_ENDPOINT": stack.store.url, **keys()}
    environments = {"postgres": stack.database.client(), "mlflow": rclone}
    stand_in = folder / "docker"
    stand_in.write_text(STAND_IN.format(python=sys.executable, environments=environments))
    stand_in.chmod(0o755)
    for line in lines:
        if line == "docker compose stop mlflow":
            stack.mlflow.kill()
        elif line.startswith("docker compose up "):
            if line.endswith(" --wait"):
                stack.mlflow.start()
        else:
            path = f"{folder}:{os.environ['PATH']}"
            done = subprocess.run(
                ["bash", "-ec", line], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.faults
def test_a_lost_server_comes_back_by_the_lines_of_the_readme(stack, told, tmp_path):
    spec, tracker = told[0], told[3]
    follow(lines_of("Back up"), stack, tmp_path)
    before = stack.bucket(), stack.database.content("mlflow"), stack.database.content("auth")
    stack.mlflow.kill()
    for name in ("mlflow", "auth"):
        stack.database.sql(f"DROP DATABASE {name} WITH (FORCE)")
        stack.database.sql(f"CREATE DATABASE {name}")
    client = boto3.client("s3", endpoint_url=stack.store.url, region_name="us-east-1", **_aws())
    for name in before[0]:
        client.delete_object(Bucket="mlflow", Key=name)
    assert not stack.bucket()
    follow(lines_of("Restore"), stack, tmp_path)
    assert (stack.bucket(), stack.database.content("mlflow"), stack.database.content("auth")) == before
    with signed_in("driver"):
        got = MlflowClient(spec.tracking_uri).download_artifacts(tracker.parent, "results/report.html", str(tmp_path))
    assert Path(got).read_text() == "<p>a report</p>"


# --- without servers -----------------------------------------------------------------------------------------


def started(**environment):
    """What `serve.sh` says where it does not start."""
    done = subprocess.run([SHIPPED / "serve.sh"], env=environment, capture_output=True, text=True, timeout=10)
    assert done.returncode == 2, done
    assert not done.stdout
    return done.stderr


def test_the_script_names_the_variable_that_is_missing_or_a_default():
    given = {name: "x" for name in COMPOSE["mlflow"]["environment"] if not name.startswith(("RCLONE_", "MLFLOW_HOST"))}
    given |= {"PATH": "/usr/bin:/bin"}
    for name in set(given) - {"PATH", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"}:
        without = {key: text for key, text in given.items() if key != name}
        assert f"{name} is not set" in started(**without)
        assert f"{name} is not set" in started(**without, **{name: ""})
    for name in ("MLFLOW_AUTH_ADMIN_PASSWORD", "PGPASSWORD"):
        assert f"{name} is a default that everybody knows" in started(**{**given, name: "password1234"})


def test_the_compose_file_publishes_mlflow_alone_pins_its_images_and_holds_no_secret():
    text = (SHIPPED / "compose.yaml").read_text()
    assert [name for name, service in COMPOSE.items() if "ports" in service] == ["mlflow"]
    assert COMPOSE["mlflow"]["ports"] == ["${MLFLOW_LISTEN:-127.0.0.1:5000}:5000"]
    for name, service in COMPOSE.items():
        assert "healthcheck" in service, name
        assert "build" in service or re.search(r":\d+\.\d+", service["image"]), name
        for variable, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|KEY", variable):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?set it in \.env\}", value), variable
    example = dict(line.split("=", 1) for line in (SHIPPED / ".env.example").read_text().splitlines() if line[0] != "#")
    assert set(re.findall(r"\$\{([A-Z_0-9]+)", text)) == set(example)
    assert not any(example[name] for name in example if re.search("PASSWORD|SECRET|KEY", name))
