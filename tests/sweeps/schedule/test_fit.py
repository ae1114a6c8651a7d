"""Large models: on which cards they can be trained, and what is missing where they cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from sweeps.schedule.nodes import this_machine
from trainables.recipe.execution import Execution

SIZES = {"7b": (4096, 11008, 32, 32), "13b": (5120, 13824, 40, 40), "30b": (6656, 17920, 60, 52)}
"""LLaMA's width, feed-forward width, blocks and heads (Touvron et al. 2023, arXiv 2302.13971, table 2)."""
REVISION = "a" * 40


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """A sweep of LLaMA's sizes, whose configurations are in a local cache of the hub; the command, run on it."""
    folder = tmp_path_factory.mktemp("llama")
    for name, (hidden, inner, layers, heads) in SIZES.items():
        place = folder / f"hub/models--lab--llama-{name}/snapshots/{REVISION}"
        place.mkdir(parents=True)
        sizes = {"hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers}
        config = {"model_type": "llama", **sizes, "num_attention_heads": heads, "vocab_size": 32000}
        (place / "config.json").write_text(json.dumps(config))
    models = {f"llama-{name}": {"start": f"lab/llama-{name}", "revision": REVISION} for name in SIZES}
    spec = {
        "sweep": "llama",
        "models": models,
        "data": "hub",
        "intermediates": ["none"],
        "targets": ["xnli"],
        "seeds": [1],
        "training": {"all": {"precision": "bf16"}},
        "storage": str(folder / "runs"),
    }
    (folder / "llama.json").write_text(json.dumps(spec))
    env = {**os.environ, "HF_HOME": str(folder), "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}

    def run(*arguments):
        words = [sys.executable, "-m", "sweeps.cli.main", "plan", str(folder / "llama.json"), *arguments]
        return subprocess.run(words, capture_output=True, text=True, env=env, timeout=120)

    return run


def test_what_fits_on_cards_of_80_gb(llama):
    done = llama("--fit", "80GB", "--json")
    assert done.returncode == 0, done.stderr
    found = {(one["model"], one["trained"], one["cards"]): one for one in json.loads(done.stdout)["fits"]}
    whole = {(model, cards): one for (model, trained, cards), one in found.items() if trained == "all weights"}
    assert len(whole) == len(SIZES) * 3
    assert all(one["fits"] and one["gpu_bytes"] < 80e9 for one in found.values())
    executions = {key: Execution(**one["execution"]) for key, one in whole.items()}
    # What is spared is spared where nothing else fits: 12 bytes a parameter of moments and weights that are stepped.
    assert executions["llama-7b", 8].offload is None
    assert not executions["llama-7b", 8].checkpoint_activations
    assert executions["llama-7b", 1].offload.optimizer == "cpu"
    assert executions["llama-7b", 1].checkpoint_activations
    assert executions["llama-30b", 1].offload.parameters == "cpu"
    assert executions["llama-30b", 8].stage == 3
    # In the host's memory are 16 bytes of each parameter at least; an update is bound by them.
    alone = whole["llama-30b", 1]
    assert alone["host_bytes"] > 16 * alone["parameters"]
    for model in ("llama-7b", "llama-13b", "llama-30b"):
        seconds = [whole[model, cards]["update_seconds"] for cards in (1, 4, 8)]
        assert seconds == sorted(seconds, reverse=True)
    for cards in (1, 4, 8):
        seconds = [whole[f"llama-{name}", cards]["update_seconds"] for name in SIZES]
        assert seconds == sorted(seconds)
    adapters = {key: one for key, one in found.items() if key[1] != "all weights"}
    for (model, _, cards), one in adapters.items():  # they hold less, or what holds more is faster
        assert one["update_seconds"] <= whole[model, cards]["update_seconds"]


def test_it_is_a_table_for_people(llama):
    done = llama("--fit", "4GB", "--gpu-type", "V100")
    assert done.returncode == 0
    assert "as on V100, modelled" in done.stdout
    assert "does not fit" in done.stdout
    done = llama("--fit", "80GB", "-o", "models={other: {start: lab/other, revision: main}}")
    assert done.returncode == 0
    assert done.stdout.startswith("- other: the shape of lab/other is not known here")
    for wrong in (("--fit", "80"), ("--fit", "80GB", "--gpu-type", "B9")):
        done = llama(*wrong)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(this_machine().memory > 500e9, reason="trains 30 billion parameters")
def test_a_model_of_30_billion_on_this_machine_is_refused_with_what_is_missing(llama):
    done = llama()
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "llama-30b" in line
    assert "GB are missing" in line
    assert len(line) <= 300
    one_card = llama("--gpus", "1", "--gpu-type", "T4", "-o", "execution.offload={optimizer: cpu}")
    assert one_card.returncode == 2
    assert "GB of each GPU at least, 17 are there" in one_card.stderr


def test_what_lies_on_a_disk_is_not_in_the_hosts_memory(llama):
    there = "execution.offload={optimizer: nvme, parameters: nvme, folder: /scratch}"
    found = []
    for offload in ("execution.offload={optimizer: cpu, parameters: cpu}", there):
        done = llama("--fit", "80GB", "--json", "-o", offload)
        assert done.returncode == 0, done.stderr
        found.append({(one["model"], one["trained"], one["cards"]): one for one in json.loads(done.stdout)["fits"]})
    memory, disk = found
    for key, one in disk.items():
        assert one["fits"]
        assert one["execution"]["offload"] == {"optimizer": "nvme", "parameters": "nvme", "folder": "/scratch"}
        assert one["host_bytes"] < memory[key]["host_bytes"]
        assert one["update_seconds"] > memory[key]["update_seconds"]


def test_adapters_are_advised_where_all_weights_are_trained_alone(llama):
    small = ("--gpus", "1", "--gpu-type", "T4", "-o", "execution.offload={optimizer: cpu}")
    whole, adapters = (
        llama(*small, *more).stderr
        for more in ((), ("-o", "training.all.adaptation={lora: {rank: 8, targets: all-linear}}"))
    )
    assert "or adaptation: lora" in whole
    assert "GB are missing" in adapters
    assert "lora" not in adapters.partition("give ")[2]
