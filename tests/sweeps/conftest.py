"""A tiny sweep on the generated benchmark: seconds, not minutes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.browser import Missing, chromium

TEXT = {"corpora": ["gen-text"], "max_length": 64, "languages": ["one", "two"], "alpha": 0.5}
TINY: dict[str, Any] = {
    "sweep": "tiny",
    "models": {
        "small": {
            "architecture": {
                "hidden_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "intermediate_size": 64,
                "max_position_embeddings": 130,
            },
            "tokenizer": {"corpora": ["gen-text"], "vocab_size": 500},
            # Both objectives, languages and translations mixed, as `pretrain-mini.yaml` has them.
            "pretrain": [
                {**TEXT, "steps": 10, "translations": 0.6, "exclude": ["gen-pairs"]},
                {**TEXT, "steps": 3, "objective": "translation-ranking", "batch_size": 64},
            ],
        }
    },
    "intermediates": ["none"],
    "targets": [{"task": "gen-tags", "languages": ["one", "two", "zero"]}, "gen-pairs"],
    "seeds": [1],
    "generated": {"size": 0.05},
    "training": {"all": {"steps": 10, "evaluate_every": 5, "batch_size": 16, "max_length": 64, "learning_rate": 1e-3}},
}


@pytest.fixture(scope="session")
def tiny() -> dict[str, Any]:
    """The fields of the tiny sweep."""
    return copy.deepcopy(TINY)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless browser; without one the test is skipped. Not for longer: where it runs, no test may run asyncio."""
    try:
        with chromium() as started:
            yield started
    except Missing as lack:
        pytest.skip(str(lack))


@pytest.fixture
def sweep_file(tmp_path: Path) -> Any:
    """Writes a sweep file: the tiny one with some fields replaced; storage is the test's own folder."""

    def write(name: str = "sweep.yaml", **fields: Any) -> Path:
        spec = {**copy.deepcopy(TINY), "storage": str(tmp_path / "store"), **fields}
        file = tmp_path / name
        file.write_text(yaml.safe_dump({key: value for key, value in spec.items() if value is not None}))
        return file

    return write


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A real MLflow server, started; whoever kills it starts it again."""
    from tests.sweeps.tracked import Server

    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def here(host: Any) -> Any:
    """Carries out a sweep in this process, without Ray: spec, plan and store of the fields of a sweep file."""
    from sweeps.plan.planner import make_plan
    from sweeps.spec.reading import read_spec
    from trainables.steps.run import carry_out
    from trainables.store import Store

    def do(fields: dict[str, Any], root: Path) -> Any:
        file = root / "sweep.yaml"
        file.write_text(yaml.safe_dump({**fields, "storage": str(root / "store")}))
        spec = read_spec(file)
        plan = make_plan(spec, str(file))
        store = Store(spec.storage)
        for step in plan.steps.values():
            carry_out(step.recipe, step.execution, store, host())
        return spec, plan, store

    return do
